import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { amazonHost } from '../../../action/endpoint/amazon-hosts.ts';
import type { Endpoint } from '../../../action/endpoint/endpoint-file.ts';
import { encodedSecretsOf, secretsOf } from '../../../action/endpoint/auth-secrets.ts';
import { parseEndpoint } from '../../../action/endpoint/endpoint-file.ts';
import { formerReadingWarnings } from '../../../action/endpoint/former-reading.ts';
import { buildPackage, type Package } from '../../../action/package/package.ts';
import { InputError } from '../../../action/errors.ts';
import { parseSettings } from '../../../action/endpoint/key-value-file.ts';
import { selfSigned } from '../../stack/self-signed.ts';

const SECRET = 'hunter2-hunter2';
const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:search-AbCdEf';

const parse = (...lines: string[]): Endpoint => parseEndpoint(lines.join('\n'), { source: 'STAGE_es_creds' });
const warnings = (...lines: string[]): string[] => parse(...lines).warnings.map(({ message, place }) => `${place?.line ?? ''}: ${message}`);

function problems(...lines: string[]): string[] {
  try {
    parse(...lines);
  } catch (error) {
    if (error instanceof InputError) return error.message.split('\n');
    throw error;
  }
  return [];
}

/** A certificate of its own, made by openssl. */
const certificate = (): string => selfSigned('/CN=test').cert;

describe('an endpoint file', () => {
  test.each([
    ["ES_ENDPOINT='https://search.example.com'"],
    ['ES_ENDPOINT="https://search.example.com/"'],
    ['ES_ENDPOINT=https://search.example.com'],
    ["  export ES_ENDPOINT = 'https://search.example.com'  # the cluster"],
    ['ES_ENDPOINT=https://search.example.com # the cluster'],
    ["\uFEFF# a comment\r\n\r\nES_ENDPOINT='https://search.example.com'\r\n"],
    ["ES_ENDPOINT='''https://search.example.com'''"],
    ['https://search.example.com'],
    [' https://SEARCH.example.com/ \n'],
  ])('%j names the endpoint', (text) => {
    expect(parse(text)).toEqual({
      endpoint: 'https://search.example.com',
      host: 'search.example.com',
      auth: { type: 'none' },
      secrets: [],
      warnings: [],
    });
  });

  test('may name a port and a path', () => {
    expect(parse('https://search.example.com:9243/behind/a/proxy/').endpoint).toBe('https://search.example.com:9243/behind/a/proxy');
  });

  test.each([
    ["ES_ENDPOINT='http://127.0.0.1:9200'", 'http://127.0.0.1:9200'],
    ["ES_ENDPOINT='http://localhost:9200/'", 'http://localhost:9200'],
    ["ES_ENDPOINT='http://[::1]:9200'", 'http://[::1]:9200'],
    ["ES_ENDPOINT='http://10.0.0.7:9200'\nES_ALLOW_HTTP=true", 'http://10.0.0.7:9200'],
  ])('%j may be reached without encryption', (text, endpoint) => {
    expect(parse(text).endpoint).toBe(endpoint);
  });

  test('on one of Amazon’s hosts means signed requests, service and region read from the host', () => {
    const auth = (host: string): unknown => parse(`https://${host}`).auth;
    const es = (region: string): unknown => ({ type: 'sigv4', service: 'es', region });
    expect(auth('search-x-abc.eu-west-1.es.amazonaws.com')).toEqual(es('eu-west-1'));
    expect(auth('vpc-x-abc.us-gov-west-1.es.amazonaws.com')).toEqual(es('us-gov-west-1'));
    expect(auth('search-x-abc.cn-north-1.es.amazonaws.com.cn')).toEqual(es('cn-north-1'));
    expect(auth('search-x-abc.aos.eu-central-1.on.aws')).toEqual(es('eu-central-1'));
    expect(auth('abc.us-east-1.aoss.amazonaws.com')).toEqual({ type: 'sigv4', service: 'aoss', region: 'us-east-1' });
    expect(auth('abc.aoss.us-east-1.on.aws')).toEqual({ type: 'sigv4', service: 'aoss', region: 'us-east-1' });
  });

  test('on a host that only looks like Amazon’s is not signed for', () => {
    for (const host of [
      'es.amazonaws.com',
      'x.eu-west-1.es.amazonaws.com.example.com',
      'x.s3.amazonaws.com',
      'aoss.on.aws',
      'amazonaws.com',
    ]) {
      expect(amazonHost(host)).toBeUndefined();
    }
  });

  test('may ask for signed requests on any host', () => {
    const lines = ['ES_ENDPOINT=https://search.example.com', 'ES_AUTH=sigv4'];
    expect(parse(...lines).auth).toEqual({ type: 'sigv4', service: 'es' });
    expect(parse(...lines, 'ES_REGION=eu-west-1', 'ES_SERVICE=aoss').auth).toEqual({ type: 'sigv4', service: 'aoss', region: 'eu-west-1' });
    expect(parse('ES_ENDPOINT=https://search.example.com', 'ES_REGION=eu-west-1').auth).toMatchObject({ type: 'sigv4' });
  });

  test('may contain a user, an API key or the ARN of a secret, which decide how to authenticate', () => {
    const endpoint = 'ES_ENDPOINT=https://x.eu-west-1.es.amazonaws.com';
    expect(parse(endpoint, 'ES_USERNAME=admin', `ES_PASSWORD='${SECRET}'`)).toMatchObject({
      auth: { type: 'basic', username: 'admin', password: SECRET },
      secrets: [SECRET],
    });
    expect(parse(endpoint, `ES_API_KEY=${SECRET}`)).toMatchObject({ auth: { type: 'api-key', apiKey: SECRET }, secrets: [SECRET] });
    expect(parse(endpoint, `ES_SECRET_ARN=${ARN}`)).toMatchObject({ auth: { type: 'secret', secretArn: ARN }, secrets: [], warnings: [] });
    expect(parse(endpoint, 'ES_AUTH=basic', `ES_SECRET_ARN=${ARN}`).auth).toEqual({ type: 'secret', secretArn: ARN });
    expect(parse(endpoint, 'ES_AUTH=none').auth).toEqual({ type: 'none' });
  });

  test('may contain the user in the URL, decoded and masked in both spellings', () => {
    const { endpoint, auth, secrets } = parse('https://ad%40min:pa%3Ass%25@search.example.com/path');
    expect(endpoint).toBe('https://search.example.com/path');
    expect(auth).toEqual({ type: 'basic', username: 'ad@min', password: 'pa:ss%' });
    expect(secrets).toEqual(['pa%3Ass%25', 'pa:ss%']);
  });

  test('draws a warning for a credential that would be in the package', () => {
    const advice = 'is in the package of the function; keep it in Secrets Manager and name it by ES_SECRET_ARN';
    expect(warnings('ES_ENDPOINT=https://a.b', 'ES_USERNAME=u', 'ES_PASSWORD=p')).toEqual([`3: the password ${advice}`]);
    expect(warnings('ES_ENDPOINT=https://a.b', 'ES_API_KEY=k')).toEqual([`2: the API key ${advice}`]);
    expect(warnings('https://u:p@a.b')).toEqual([`: the password ${advice}`]);
  });

  test('draws a warning for an unknown key, with the nearest name, and for a key that is not used', () => {
    expect(warnings('ES_ENDPOINT=https://a.b', 'ES_USERNAM=u', 'OTHER=1')).toEqual([
      '2: the key ES_USERNAM is not known and not used; did you mean ES_USERNAME?',
      expect.stringMatching(/^3: the key OTHER is not known and not used; the keys are ES_ENDPOINT, /),
    ]);
    const unused = parse('ES_ENDPOINT=https://a.b', 'ES_AUTH=none', `ES_API_KEY=${SECRET}`);
    expect(unused.warnings.map(({ message }) => message)).toEqual([
      'ES_API_KEY is not used, because the function authenticates by none; remove it or set ES_AUTH',
    ]);
    expect(unused.secrets).toEqual([SECRET]);
  });

  test.each([
    ['hunter2HUNTER2=', false],
    ['hunter2 = x', false],
    ["c2VjcmV0 = 'x", false],
    ['abcdef.ghi-jkl=', false],
    [`${'A'.repeat(41)}=`, false],
    ['LOG_LEVEL=x', true],
    ['es_pasword=x', true],
  ])('quotes the key of the stray line %s only where it has the form of a key: %s', (line, isShown) => {
    const key = line.replace(/ ?=.*$/, '');
    const text = `ES_ENDPOINT=https://a.b\n${line}`;
    const said = line.includes("'") ? problems(text) : warnings(text);
    expect(said).toHaveLength(1);
    expect(said.join().includes(key)).toBe(isShown);
  });

  test('accepts a private authority in PEM, over several lines or in one', () => {
    const pem = certificate();
    const endpoint = 'ES_ENDPOINT=https://search.internal';
    expect(parse(endpoint, `ES_CA="${pem.trim()}"`, 'ES_AUTH=none').certificateAuthority).toBe(pem);
    expect(parse(endpoint, `ES_CA='${pem.replaceAll('\n', '\\n')}'`).certificateAuthority).toBe(pem);
    expect(parse(endpoint, `ES_CA=${(pem + pem).replaceAll('\n', '\\n')}`).certificateAuthority).toBe(pem + pem);
    expect(parse(endpoint, `ES_CA="""\n${pem}"""`).certificateAuthority).toBe(pem);
  });

  test.each([
    ['', "STAGE_es_creds: ES_ENDPOINT is missing; add a line ES_ENDPOINT='https://<host>', or set only the URL, beginning with https://"],
    [
      "ES_ENDPOINT=''",
      "STAGE_es_creds: ES_ENDPOINT is missing; add a line ES_ENDPOINT='https://<host>', or set only the URL, beginning with https://",
    ],
    [
      '# x\nES_ENDPOINT=search.example.com',
      'STAGE_es_creds:2: ES_ENDPOINT is not a valid URL; it must begin with https:// and name the host',
    ],
    ['ES_ENDPOINT=https:search', 'STAGE_es_creds:1: ES_ENDPOINT is not a valid URL; it must begin with https:// and name the host'],
    ['ES_ENDPOINT=ftp://a.b', 'STAGE_es_creds:1: ES_ENDPOINT is not a valid URL; it must begin with https:// and name the host'],
    [
      'ES_ENDPOINT=http://search.example.com',
      'STAGE_es_creds:1: ES_ENDPOINT would send everything to search.example.com unencrypted; use https://, or set ES_ALLOW_HTTP=true inside a VPC',
    ],
    ['ES_ENDPOINT=https://a.b?x=1', 'STAGE_es_creds:1: ES_ENDPOINT must end with the host, port or path; remove what follows ? or #'],
    ['https://a.b/_dashboards', 'STAGE_es_creds: ES_ENDPOINT is the address of the dashboards of a.b; remove its path'],
    ['ES_ENDPOINT=https://a.b\nES_ENDPOINT=https://c.d', 'STAGE_es_creds:2: ES_ENDPOINT is set twice; remove one of them'],
    ["ES_ENDPOINT='https://a.b", 'STAGE_es_creds:1: the quote of ES_ENDPOINT is not closed at the end of the value'],
    ['ES_ENDPOINT=https://a.b\nES_AUTH=sigv', 'STAGE_es_creds:2: ES_AUTH must be sigv4, basic, api-key, none; did you mean sigv4?'],
    ['ES_ENDPOINT=https://a.b\nES_AUTH=basic', 'STAGE_es_creds:2: ES_AUTH=basic needs ES_USERNAME and ES_PASSWORD, or ES_SECRET_ARN'],
    ['ES_ENDPOINT=https://a.b\nES_USERNAME=u', 'STAGE_es_creds:2: ES_USERNAME and ES_PASSWORD go together; set both or neither'],
    ['ES_ENDPOINT=https://a.b\nES_ALLOW_HTTP=1', 'STAGE_es_creds:2: ES_ALLOW_HTTP must be true, false'],
    ['ES_ENDPOINT=https://a.b\nES_REGION=Ireland', 'STAGE_es_creds:2: ES_REGION must be the code of a region, such as eu-west-1'],
    ['ES_ENDPOINT=https://a.b\nES_CA=x', 'STAGE_es_creds:2: ES_CA contains no readable certificate; set it in PEM, with \\n for line ends'],
    [
      'ES_ENDPOINT=https://a.b\nES_SECRET_ARN=search',
      'STAGE_es_creds:2: ES_SECRET_ARN must be arn:aws:secretsmanager:<region>:<account>:secret:<name>',
    ],
    [
      `ES_ENDPOINT=https://a.b\nES_API_KEY=k\nES_SECRET_ARN=${ARN}`,
      'STAGE_es_creds: ES_SECRET_ARN and ES_API_KEY cannot be used together; remove one of them',
    ],
  ])('%j is refused with one sentence and its line', (text, message) => {
    expect(problems(text)).toContain(message);
  });

  test.each([
    ["ES_ENPOINT='https://a.b'", 'STAGE_es_creds:1: ES_ENDPOINT is missing; line 1 has the key ES_ENPOINT: did you mean ES_ENDPOINT?'],
    ["es_endpoint='https://a.b'", 'STAGE_es_creds:1: ES_ENDPOINT is missing; line 1 has the key es_endpoint: did you mean ES_ENDPOINT?'],
    ["ES-ENDPOINT='https://a.b'", 'STAGE_es_creds:1: ES_ENDPOINT is missing; line 1 has the key ES-ENDPOINT: did you mean ES_ENDPOINT?'],
    [
      "# x\r\nOPENSEARCH_URL='https://a.b'",
      'STAGE_es_creds:2: ES_ENDPOINT is missing; line 2 has the key OPENSEARCH_URL: did you mean ES_ENDPOINT?',
    ],
    ['ES_HOST=a.b', 'STAGE_es_creds:1: ES_ENDPOINT is missing; line 1 has the key ES_HOST: did you mean ES_ENDPOINT?'],
    ["elastic='https://a.b'", 'STAGE_es_creds:1: ES_ENDPOINT is missing; line 1 has this key: did you mean ES_ENDPOINT?'],
    [
      'OTHER_URL=https://a.b\nES_ENDPONT=https://a.b',
      'STAGE_es_creds:2: ES_ENDPOINT is missing; line 2 has the key ES_ENDPONT: did you mean ES_ENDPOINT?',
    ],
  ])('%j shows where the address is, under another name', (text, message) => {
    expect(problems(text)).toContain(message);
  });

  test('reports a misspelt key where something is missing for it', () => {
    expect(problems('ES_ENDPOINT=https://a.b', 'ES_USERNAM=u', 'ES_PASSWORD=p')).toEqual([
      'STAGE_es_creds:3: ES_USERNAME and ES_PASSWORD go together; set both or neither',
      'STAGE_es_creds:2: the key ES_USERNAM is not known and not used; did you mean ES_USERNAME?',
    ]);
  });

  test.each([
    ...[
      'https://https://a.b',
      'https://http://a.b',
      'http://https://a.b',
      'HTTPS://HTTPS://a.b',
      'https://https//a.b',
      'https://https:9200',
    ],
    ...['https://a.b/https://c.d', 'https://https', 'https://htps://a.b'],
  ])('%s is refused, because its scheme is set twice', (address) => {
    for (const text of [address, `ES_ENDPOINT='${address}'\nES_ALLOW_HTTP=true`])
      expect(problems(text).join()).toContain('ES_ENDPOINT has https:// twice, or a second URL; leave one');
  });

  test.each([
    ...[
      'https://${VAR}',
      'https://$VAR',
      'https://${VAR}:9200',
      'https://search-${STAGE}.example.com',
      'https://{{ host }}',
      'https://{host}',
    ],
    ...[
      'https://<domain>',
      'https://<your domain>',
      'https://search.<region>.es.amazonaws.com',
      'https://${{ secrets.HOST }}/',
      'https://%HOST%',
    ],
    ...['https://[domain]', 'https://a.b/${PATH}', 'https://u:p@${HOST}', 'https://undefined', 'https://None:443', 'https://__HOST__'],
  ])('%s is refused, because nobody replaced its placeholder', (address) => {
    const message = 'ES_ENDPOINT has a placeholder, such as ${VAR} or <domain>, that nobody replaced; ';
    expect(problems(`ES_ENDPOINT='${address}'`).join()).toContain(message);
  });

  test.each([
    ['https://a..b', 'a part between its dots is empty'],
    ['https://.a', 'a part between its dots is empty'],
    ['https://...', 'a part between its dots is empty'],
    [`https://${'a'.repeat(64)}.b`, 'a part between its dots is longer than 63 characters'],
    [`https://${'a.'.repeat(130)}b`, 'it is longer than 253 characters'],
    ['https://-a.b', 'a part between its dots begins or ends with -'],
    ['https://*.es.amazonaws.com', 'it has a character that no host has'],
  ])('%s is refused, because its host cannot be', (address, reason) => {
    expect(problems(address)).toEqual([`STAGE_es_creds: ES_ENDPOINT names a host that cannot be: ${reason}`]);
  });

  test.each([
    'ES_ENDPOINT: https://a.b',
    "- ES_ENDPOINT : 'https://a.b'",
    '{"ES_ENDPOINT": "https://a.b"}',
    '{\n  "ES_ENDPOINT": "https://a.b"\n}',
  ])('%j has the form of another kind of file, which the error says', (text) => {
    const line = text.includes('\n') ? 2 : 1;
    expect(problems(text)).toContain(
      `STAGE_es_creds:${line}: this line has ES_ENDPOINT as YAML or JSON would; write ES_ENDPOINT='value', with an equals sign`,
    );
    expect(problems('Hunter2: x\nHUNTER2: x').join()).not.toMatch(/hunter2/i);
  });

  test('names one host, and a port that there is', () => {
    expect(problems('https://a.b,c.d')).toEqual(['STAGE_es_creds: ES_ENDPOINT must name one host; remove the others']);
    expect(problems('https://a.b:0')).toEqual(['STAGE_es_creds: ES_ENDPOINT names port 0, which no server has']);
  });

  test.each([
    ...['https://elasticsearch:9200', 'https://search', 'https://my_service.local', 'https://10.0.0.7', 'https://[fd00::7]:9200'],
    ...[
      'https://search.example.com.',
      'https://xn--bcher-kva.example',
      'https://bücher.example',
      'https://a.b/a%20b',
      'https://u:$p%3C@a.b',
    ],
  ])('%s can be', (address) => {
    expect(problems(address)).toEqual([]);
  });

  test('is judged as a whole: every problem is reported at once', () => {
    expect(problems('ES_ENDPOINT=http://a.b', 'nonsense', 'ES_AUTH=x', 'ES_CA=y')).toHaveLength(4);
  });

  test('never shows a secret, whatever is wrong with it', () => {
    const files = [
      SECRET,
      `${SECRET}\n${SECRET}==`,
      `ES_ENDPOINT=${SECRET}`,
      `ES_ENDPOINT=https://u:${SECRET}@a b`,
      `http://u:${SECRET}@a.b?x=${SECRET}`,
      `ES_PASSWORD=${SECRET}`,
      `ES_PASSWORD='${SECRET}`,
      `ES_API_KEY=${SECRET} x\nES_USERNAME=a:b\nES_PASSWORD=${SECRET}`,
      `ES_AUTH=${SECRET}\nES_REGION=${SECRET}\nES_CA=${SECRET}\nES_SECRET_ARN=${SECRET}\nES_SERVICE=${SECRET}`,
      `-----BEGIN PRIVATE KEY-----\n${SECRET}`,
    ];
    for (const file of files) {
      expect(problems(file)).not.toEqual([]);
      expect(problems(file).join()).not.toContain(SECRET);
    }
  });

  test('refuses a private key where certificates belong', () => {
    expect(problems('ES_ENDPOINT=https://a.b', 'ES_CA="-----BEGIN EC PRIVATE KEY-----', 'x', '-----END EC PRIVATE KEY-----"')).toEqual([
      'STAGE_es_creds:2: ES_CA contains a private key, which never belongs there; set the certificates of the authority only',
    ]);
  });
});

describe('a settings file', () => {
  const value = (text: string): string | undefined => parseSettings(`KEY=${text}`).settings[0]?.value;

  test('keeps the text between quotes as it is', () => {
    expect(value("'a b # c'")).toBe('a b # c');
    expect(value(`'it's'`)).toBe("it's");
    expect(value(`'ends in \\'`)).toBe('ends in \\');
    expect(value('"$(id) ${HOME} `id`"')).toBe('$(id) ${HOME} `id`');
    expect(value(`""`)).toBe('');
    expect(value(`''`)).toBe('');
    expect(value(`'a' # it's`)).toBe('a');
  });

  test.each([
    ['"abc\\"def"', 'abc"def'],
    ['"abc\\\\def"', 'abc\\def'],
    ['"ends in \\\\"', 'ends in \\'],
    ['"a\\nb\\tc"', 'a\nb\tc'],
    ['"a\\\\nb"', 'a\\nb'],
    ['"\\d \\$ \\\' \\u0041"', "\\d \\$ \\' \\u0041"],
    ['"a\\" # b" # c', 'a" # b'],
    ['"a"b" # c', 'a"b'],
    ['"""a\\"b"""', 'a"b'],
    ["'abc\\\"d\\n'", 'abc\\"d\\n'],
    ["'a\\\\b'", 'a\\\\b'],
    ['abc\\"d\\n', 'abc\\"d\\n'],
  ])('reads %s with its escapes in double quotes alone', (text, expected) => {
    expect(value(text)).toBe(expected);
  });

  test('says why a quote behind a backslash does not close a value', () => {
    expect(parseSettings('KEY="abc\\"').problems).toEqual([
      {
        line: 1,
        message:
          'the quote of KEY is not closed at the end of the value; \\" is a quote inside of it: write \\\\ for a backslash, or put the value in single quotes',
      },
    ]);
  });

  test('records how a value was read while backslashes were left alone', () => {
    const [setting] = parseSettings('KEY="abc\\"def"').settings;
    expect(setting).toEqual({ key: 'KEY', value: 'abc"def', former: 'abc\\"def', line: 1 });
    expect(parseSettings('KEY="a\\d"').settings).toEqual([{ key: 'KEY', value: 'a\\d', line: 1 }]);
  });

  test('reads an unquoted value up to its comment', () => {
    expect(value('a#b # c')).toBe('a#b');
    expect(value(' # c')).toBe('');
    expect(value('a=b==')).toBe('a=b==');
  });

  test('reads back every value that has no quote of its own kind and is on one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom("'", '"'), (text, quote) => {
        fc.pre(!/[\r\n]/.test(text) && !text.includes(quote) && !(quote === '"' && text.includes('\\')));
        expect(parseSettings(`A=1\nKEY=${quote}${text}${quote} # comment\nB=2`)).toEqual({
          settings: [
            { key: 'A', value: '1', line: 1 },
            { key: 'KEY', value: text, line: 2 },
            { key: 'B', value: '2', line: 3 },
          ],
          problems: [],
        });
      }),
    );
  });

  test('of whatever text ends in settings and problems', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const { line } of [...parseSettings(text).settings, ...parseSettings(text).problems]) expect(line).toBeGreaterThan(0);
      }),
    );
  });
});

describe('a value that a former release read otherwise', () => {
  const file = ['ES_ENDPOINT=https://a.b', 'ES_USERNAME=u', 'ES_PASSWORD="abc\\"def"'];
  const packageWith = (password: string): Package =>
    buildPackage({
      handler: new Uint8Array([1]),
      config: {
        format: 1,
        release: '0.0.1',
        environment: 'STAGE',
        endpoint: 'https://a.b',
        auth: { type: 'basic', username: 'u', password },
        options: { defaults: {}, tables: {} },
      },
      mapping: {},
      transforms: {},
    });

  test('draws a warning where the deployed package has it so, and both readings are masked', () => {
    const endpoint = parse(...file);
    expect(endpoint.auth).toEqual({ type: 'basic', username: 'u', password: 'abc"def' });
    expect(endpoint.secrets).toEqual(['abc"def', 'abc\\"def']);
    const [warning, ...others] = formerReadingWarnings(endpoint, packageWith('abc\\"def'));
    expect(others).toEqual([]);
    expect(warning?.message).toMatch(
      /^The deployed package has ES_PASSWORD \(STAGE_es_creds:3\) with all its backslashes, .*single quotes$/,
    );
    expect(warning?.message).not.toContain('def');
  });

  test('draws none where the package has the present value, another one, or is not there', () => {
    const endpoint = parse(...file);
    expect(formerReadingWarnings(endpoint, packageWith('abc"def'))).toEqual([]);
    expect(formerReadingWarnings(endpoint, packageWith('other'))).toEqual([]);
    expect(formerReadingWarnings(endpoint, undefined)).toEqual([]);
    const quoted = parse('ES_ENDPOINT=https://a.b', 'ES_USERNAME=u', `ES_PASSWORD='abc\\"def'`);
    expect(formerReadingWarnings(quoted, packageWith('abc\\"def'))).toEqual([]);
    expect(quoted.former).toBeUndefined();
  });
});

test('base64 of user and password, and of the id and the key that an API key consists of, reveal an Auth too', () => {
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  expect(encodedSecretsOf({ type: 'basic', username: 'u', password: 'pässword' })).toEqual([encoded('u:pässword')]);
  expect(encodedSecretsOf({ type: 'api-key', apiKey: encoded('id-1:key-of-it') })).toEqual(['id-1:key-of-it', 'key-of-it']);
  expect(encodedSecretsOf({ type: 'api-key', apiKey: 'id-1:key-of-it' })).toEqual([encoded('id-1:key-of-it'), 'key-of-it']);
  expect(encodedSecretsOf({ type: 'api-key', apiKey: 'opaque' })).toEqual([encoded('opaque')]);
  expect(encodedSecretsOf({ type: 'none' })).toEqual([]);
});

test('the secrets of an Auth are its password or its API key', () => {
  expect(secretsOf({ type: 'basic', username: 'u', password: 'p' })).toEqual(['p']);
  expect(secretsOf({ type: 'api-key', apiKey: 'k' })).toEqual(['k']);
  expect(secretsOf({ type: 'secret', secretArn: ARN })).toEqual([]);
  expect(secretsOf({ type: 'none' })).toEqual([]);
});
