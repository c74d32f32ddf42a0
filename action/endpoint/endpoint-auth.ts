// How the function authenticates, as the settings of an endpoint file say or imply.
import type { Auth } from '../../formats/function-config.ts';
import { amazonHost } from './amazon-hosts.ts';
import { type EndpointSettings, type Key, KEYS } from './endpoint-settings.ts';
import { decoded } from './endpoint-url.ts';

type Credentials = Extract<Auth, { type: 'secret' | 'api-key' | 'basic' }>;

/** The type that ES_AUTH names, else the one that the keys imply, else sigv4 on Amazon's hosts, else none. */
export function readAuth(file: EndpointSettings, url: URL | undefined): Auth | undefined {
  const chosen = file.oneOf('ES_AUTH', ['sigv4', 'basic', 'api-key', 'none']);
  if (chosen === undefined && file.get('ES_AUTH') !== undefined) return undefined;
  const credentials = credentialsOf(file, url);
  const amazon = url === undefined ? undefined : amazonHost(url.hostname);
  const service = file.oneOf('ES_SERVICE', ['es', 'aoss']) ?? amazon?.service;
  const region = regionOf(file) ?? amazon?.region;
  const signed: Auth = { type: 'sigv4', service: service ?? 'es', ...(region === undefined ? {} : { region }) };
  if (chosen === 'sigv4' || chosen === 'none') return chosen === 'none' ? { type: 'none' } : signed;

  const fitting = credentials.filter(({ type }) => chosen === undefined || type === chosen || type === 'secret');
  if (chosen !== undefined && fitting.length === 0) {
    const needed = chosen === 'basic' ? 'ES_USERNAME and ES_PASSWORD' : 'ES_API_KEY';
    file.problem('ES_AUTH', `ES_AUTH=${chosen} needs ${needed}, or ES_SECRET_ARN`);
    return undefined;
  }
  if (fitting.length > 1) {
    const keys = fitting.map(({ type }) => ({ secret: 'ES_SECRET_ARN', 'api-key': 'ES_API_KEY', basic: 'ES_USERNAME' })[type]);
    file.problem('ES_AUTH', `${keys.join(' and ')} cannot be used together; remove one of them`);
    return undefined;
  }
  const [auth] = fitting;
  if (auth !== undefined) return auth;
  const signs = amazon !== undefined || file.get('ES_REGION') !== undefined || file.get('ES_SERVICE') !== undefined;
  return signs ? signed : { type: 'none' };
}

/** The credentials in the file, of any kind. */
function credentialsOf(file: EndpointSettings, url: URL | undefined): Credentials[] {
  const credentials: Credentials[] = [];
  const secretArn = file.get('ES_SECRET_ARN');
  if (secretArn !== undefined) {
    if (!/^arn:aws(?:-[a-z]+)*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+$/.test(secretArn)) {
      file.problem('ES_SECRET_ARN', 'ES_SECRET_ARN must be arn:aws:secretsmanager:<region>:<account>:secret:<name>');
    }
    credentials.push({ type: 'secret', secretArn });
  }
  const apiKey = file.get('ES_API_KEY');
  if (apiKey !== undefined) {
    if (/[^\x21-\x7e]/.test(apiKey))
      file.problem('ES_API_KEY', 'ES_API_KEY must not contain spaces or special characters; use the encoded key');
    credentials.push({ type: 'api-key', apiKey });
  }
  const fromUrl = url !== undefined && (url.username !== '' || url.password !== '');
  const username = fromUrl ? decoded(url.username) : file.get('ES_USERNAME');
  const password = fromUrl ? decoded(url.password) : file.get('ES_PASSWORD');
  if (fromUrl && (file.get('ES_USERNAME') ?? file.get('ES_PASSWORD')) !== undefined) {
    file.problem('ES_ENDPOINT', 'ES_ENDPOINT contains a user, and ES_USERNAME or ES_PASSWORD is set too; leave one of them');
  } else if (username !== undefined && username !== '' && password !== undefined && password !== '') {
    if (username.includes(':'))
      file.problem('ES_USERNAME', 'a user name must not contain a colon, because basic authentication cannot transmit it');
    credentials.push({ type: 'basic', username, password });
  } else if (fromUrl || username !== undefined || password !== undefined) {
    file.problem(
      fromUrl ? 'ES_ENDPOINT' : username === undefined ? 'ES_PASSWORD' : 'ES_USERNAME',
      fromUrl
        ? 'ES_ENDPOINT contains a user without a password or a password without a user; set both or neither'
        : 'ES_USERNAME and ES_PASSWORD go together; set both or neither',
    );
  }
  return credentials;
}

function regionOf(file: EndpointSettings): string | undefined {
  const region = file.get('ES_REGION');
  if (region !== undefined && !/^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(region)) {
    file.problem('ES_REGION', 'ES_REGION must be the code of a region, such as eu-west-1');
  }
  return region;
}

/** Warns about credentials that end up in the package, and keys that the authentication does not use. */
export function warnOfUnused(file: EndpointSettings, auth: Auth | undefined): void {
  if (auth === undefined) return;
  if (auth.type === 'basic' || auth.type === 'api-key') {
    const key = auth.type === 'api-key' ? 'ES_API_KEY' : file.get('ES_PASSWORD') === undefined ? 'ES_ENDPOINT' : 'ES_PASSWORD';
    const what = auth.type === 'api-key' ? 'the API key' : 'the password';
    file.note(file.warnings, key, `${what} is in the package of the function; keep it in Secrets Manager and name it by ES_SECRET_ARN`);
  }
  const used: Record<Auth['type'], readonly Key[]> = {
    none: [],
    sigv4: ['ES_REGION', 'ES_SERVICE'],
    basic: ['ES_USERNAME', 'ES_PASSWORD'],
    'api-key': ['ES_API_KEY'],
    secret: ['ES_SECRET_ARN'],
  };
  const always: readonly Key[] = ['ES_ENDPOINT', 'ES_AUTH', 'ES_CA', 'ES_ALLOW_HTTP'];
  for (const key of KEYS) {
    if (file.get(key) === undefined || always.includes(key) || used[auth.type].includes(key)) continue;
    file.note(file.warnings, key, `${key} is not used, because the function authenticates by ${auth.type}; remove it or set ES_AUTH`);
  }
}
