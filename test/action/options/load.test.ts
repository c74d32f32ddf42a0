import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InputError } from '../../../action/errors.ts';
import { readInputs } from '../../../action/inputs/inputs.ts';
import { loadOptions } from '../../../action/options/load.ts';
import { triggerOptions, type Options } from '../../../action/options/options.ts';
import { functionConfig } from '../../../action/plan/package-content.ts';
import { buildPackage, entryText } from '../../../action/package/package.ts';
import { parseConfig } from '../../../formats/function-config.ts';

let outside: string;
let workspace: string;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'options-'));
  workspace = join(outside, 'workspace');
  mkdirSync(workspace);
});
afterEach(() => {
  rmSync(outside, { recursive: true, force: true });
});

function write(file: string, text: string): void {
  mkdirSync(dirname(join(workspace, file)), { recursive: true });
  writeFileSync(join(workspace, file), text);
}

async function load(text: string, environment = 'STAGE', config = 'options.yml'): Promise<Options> {
  write(config, text);
  return await loadOptions(config, { workspace, environment });
}

async function problems(text: string): Promise<string[]> {
  try {
    await load(text);
  } catch (error) {
    if (error instanceof InputError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const IDENTITY = 'export default (document) => document;\n';

const defaults = {
  'batch-size': 1000,
  'window-seconds': 0,
  parallelization: 1,
  'starting-position': 'TRIM_HORIZON',
  'maximum-record-age-hours': 23,
  'maximum-retries': -1,
  bisect: true,
  'on-failure': undefined,
  filter: [],
  enabled: undefined,
  explicit: [],
};

describe('the options file', () => {
  test('may be left out, be empty or contain only comments', async () => {
    const none = await loadOptions(undefined, { workspace, environment: 'STAGE' });
    expect(none).toEqual({
      defaults: {},
      tables: {},
      tablePlaces: {},
      triggers: { defaults, tables: {} },
      pruneTriggers: false,
      transforms: {},
      warnings: [],
    });
    expect(await load('')).toEqual(none);
    expect(await load('# nothing\n')).toEqual(none);
  });

  test('says everything in the words that the function reads', async () => {
    write('transforms/orders.ts', 'export default (document: object): object => document;\n');
    const options = await load(`
defaults:
  refresh: wait_for
  versioning: none
  on-malformed: fail
  partial-batch-response: always
  dead-letters: s3://bucket/prefix
  index-settings: { index: { number_of_replicas: 2 } }
  trigger: { batch-size: 100, window-seconds: 5, parallelization: 2, starting-position: LATEST,
             maximum-record-age-hours: 12, maximum-retries: 3, bisect: false, on-failure: "arn:aws:sqs:eu-west-1:123456789012:failed",
             filter: [{ dynamodb: { Keys: { pk: { S: [{ prefix: A }] } } } }] }
prune-triggers: true
tables:
  Orders:
    index: orders-v2
    include: [id, address.city]
    mappings: { properties: { at: { type: date } } }
    transform: transforms/orders.ts
    ttl-deletes: keep
    refresh: false
    trigger: { batch-size: 10, enabled: true }
  my.Table-2: { exclude: [secret] }
`);
    expect(options.defaults).toEqual({
      refresh: 'wait_for',
      versioning: 'none',
      'on-malformed': 'fail',
      'partial-batch-response': 'always',
      'dead-letters': 's3://bucket/prefix',
      'index-settings': { index: { number_of_replicas: 2 } },
    });
    expect(options.tables).toEqual({
      Orders: {
        index: 'orders-v2',
        include: ['id', 'address.city'],
        mappings: { properties: { at: { type: 'date' } } },
        transform: 'transforms/orders.mjs',
        'ttl-deletes': 'keep',
        refresh: false,
      },
      'my.Table-2': { exclude: ['secret'] },
    });
    const trigger = {
      'batch-size': 100,
      'window-seconds': 5,
      parallelization: 2,
      'starting-position': 'LATEST',
      'maximum-record-age-hours': 12,
      'maximum-retries': 3,
      bisect: false,
      'on-failure': 'arn:aws:sqs:eu-west-1:123456789012:failed',
      filter: [{ dynamodb: { Keys: { pk: { S: [{ prefix: 'A' }] } } } }],
      enabled: undefined,
      explicit: [
        'batch-size',
        'window-seconds',
        'parallelization',
        'maximum-record-age-hours',
        'maximum-retries',
        'bisect',
        'starting-position',
        'on-failure',
        'filter',
      ],
    };
    expect(triggerOptions(options, 'anything')).toEqual(trigger);
    expect(triggerOptions(options, 'constructor')).toEqual(trigger);
    expect(triggerOptions(options, 'Orders')).toEqual({
      ...trigger,
      'batch-size': 10,
      enabled: true,
      explicit: [...trigger.explicit, 'enabled'],
    });
    expect(options.pruneTriggers).toBe(true);
    expect(Object.keys(options.transforms)).toEqual(['transforms/orders.mjs']);
    expect(options.warnings).toEqual([]);
  });

  test('makes a config.json that the function accepts', async () => {
    write('t/a b.ts', IDENTITY);
    const {
      defaults: all,
      tables,
      transforms,
    } = await load('defaults: { refresh: true }\ntables: { Orders: { index: o, transform: t/a b.ts } }');
    const config = { format: 1, release: '1.0.0', environment: 'STAGE', endpoint: 'https://a.b', auth: { type: 'none' } } as const;
    const built = buildPackage({
      handler: new Uint8Array(),
      mapping: {},
      transforms,
      config: { ...config, options: { defaults: all, tables } },
    });
    expect(parseConfig(entryText(built, 'config.json') ?? '').options.tables.Orders).toEqual({
      index: 'o',
      transform: 'transforms/t-a-b.mjs',
    });
    expect(entryText(built, 'transforms/t-a-b.mjs')).toBe(IDENTITY);
  });

  test('says whether tables that nobody named fail, in an environment as it says there', async () => {
    const text = 'only-known-tables: true\nenvironments: { DEV: { only-known-tables: false } }\n';
    const packed = (options: Awaited<ReturnType<typeof load>>): unknown =>
      functionConfig(
        readInputs({ INPUT_ENVIRONMENT: 'PROD', INPUT_ENDPOINT: 'https://search.example.com' }),
        { endpoint: 'https://search.example.com', auth: { type: 'none' } },
        options,
      ).options;
    expect(packed(await load(text, 'PROD'))).toEqual({ defaults: {}, tables: {}, 'only-known-tables': true });
    expect(packed(await load(text, 'DEV'))).toEqual({ defaults: {}, tables: {} });
    expect(packed(await load('', 'PROD'))).toEqual({ defaults: {}, tables: {} });
  });

  test('merges the overrides of the environment over the rest, key by key', async () => {
    const text = `
defaults: { refresh: true, index-settings: { a: 1, b: { c: 1 } }, trigger: { batch-size: 100, bisect: false } }
tables: { Orders: { index: orders, exclude: [x] } }
environments:
  PROD:
    defaults: { refresh: false, index-settings: { b: { d: 2 } }, trigger: { batch-size: 500 } }
    tables: { Orders: { include: [y] }, Users: { index: people } }
    prune-triggers: true
`;
    const prod = await load(text, 'PROD');
    expect(prod.defaults).toEqual({ refresh: false, 'index-settings': { a: 1, b: { c: 1, d: 2 } } });
    expect(prod.tables).toEqual({ Orders: { index: 'orders', include: ['y'] }, Users: { index: 'people' } });
    expect(prod.triggers.defaults).toMatchObject({ 'batch-size': 500, bisect: false });
    expect(prod.pruneTriggers).toBe(true);
    const stage = await load(text, 'STAGE');
    expect(stage.defaults).toEqual({ refresh: true, 'index-settings': { a: 1, b: { c: 1 } } });
    expect(stage.tables).toEqual({ Orders: { index: 'orders', exclude: ['x'] } });
    expect(stage.pruneTriggers).toBe(false);
  });

  test('merges settings and mappings of a table with those of the defaults, as one level of keys would lose some', async () => {
    const { tables } = await load(`
defaults: { index-settings: { index: { number_of_shards: 3, refresh_interval: 5s } } }
tables: { Orders: { index-settings: { index: { number_of_shards: 6 } } }, Users: { refresh: false } }
`);
    expect(tables).toEqual({
      Orders: { 'index-settings': { index: { number_of_shards: 6, refresh_interval: '5s' } } },
      Users: { refresh: false },
    });
  });

  test('may use anchors and merge keys', async () => {
    const { tables } = await load('tables:\n  Orders: &o { refresh: false }\n  Users: { <<: *o, index: u }\n');
    expect(tables).toEqual({ Orders: { refresh: false }, Users: { refresh: false, index: 'u' } });
  });

  test.each([
    ['tabels: {}', 'options.yml:1: tabels: unknown key; did you mean tables?'],
    ['x: 1', 'options.yml:1: x: unknown key; expected defaults, tables, prune-triggers, only-known-tables, environments'],
    ['tables:\n  Orders:\n    indx: a', 'options.yml:3: tables.Orders.indx: unknown key; did you mean index?'],
    ['defaults:\n  trigger:\n    batchsize: 1', 'options.yml:3: defaults.trigger.batchsize: unknown key; did you mean batch-size?'],
    [
      'environments:\n  PROD:\n    tables:\n      Orders:\n        refesh: 1',
      'options.yml:5: environments.PROD.tables.Orders.refesh: unknown key; did you mean refresh?',
    ],
    ['defaults:\n  refresh: yes', 'options.yml:2: defaults.refresh: expected true, false or wait_for, found "yes"'],
    ['defaults:\n  versioning: extern', 'options.yml:2: defaults.versioning: expected external or none, found "extern"'],
    [
      'defaults:\n  trigger: { batch-size: 10001 }',
      'options.yml:2: defaults.trigger.batch-size: expected a whole number from 1 to 10000 (records), found 10001',
    ],
    [
      'defaults:\n  trigger: { window-seconds: 1.5 }',
      'options.yml:2: defaults.trigger.window-seconds: expected a whole number from 0 to 300 (seconds), found 1.5',
    ],
    [
      'defaults:\n  trigger: { parallelization: "2" }',
      'options.yml:2: defaults.trigger.parallelization: expected a whole number from 1 to 10 (batches per shard), found "2"',
    ],
    [
      'defaults:\n  trigger: { maximum-record-age-hours: 169 }',
      'options.yml:2: defaults.trigger.maximum-record-age-hours: expected a whole number from 1 to 168 (hours), found 169',
    ],
    [
      'defaults:\n  trigger: { maximum-retries: -2 }',
      'options.yml:2: defaults.trigger.maximum-retries: expected a whole number from -1 to 10000 (-1: no limit), found -2',
    ],
    ['defaults:\n  trigger: { enabled: on }', 'options.yml:2: defaults.trigger.enabled: expected true or false, found "on"'],
    [
      'defaults:\n  trigger:\n    filter:\n      - "{}"',
      'options.yml:4: defaults.trigger.filter[0]: expected an event pattern as an object, found "{}"',
    ],
    [
      'defaults:\n  trigger: { on-failure: queue }',
      'options.yml:2: defaults.trigger.on-failure: expected the ARN of a queue, topic or bucket, found "queue"',
    ],
    ['defaults:\n  dead-letters: bucket', 'options.yml:2: defaults.dead-letters: expected s3://bucket/prefix, found "bucket"'],
    ['tables:\n  Orders:\n    index: Orders', 'options.yml:3: tables.Orders.index: an index name must be in lower case'],
    ['tables:\n  Orders:\n    include: id', 'options.yml:3: tables.Orders.include: expected a list of attribute paths, found "id"'],
    ['tables:\n  Orders: 1', 'options.yml:2: tables.Orders: expected options, found 1'],
    ['tables:\n  Orders:', 'options.yml:2: tables.Orders: expected options, found nothing'],
    ['tables:\n  "a b": {}', 'options.yml:2: tables.a b: expected the name of a table, found "a b"'],
    ['- 1', 'options.yml:1: config: expected defaults, tables, prune-triggers, only-known-tables or environments, found a list'],
    [
      'tables:\n  Orders:\n    include: [a]\n    exclude: [b]',
      'options.yml:4: tables.Orders.exclude: include and exclude cannot be used together; remove one of them',
    ],
    ['defaults:\n  index: a', expect.stringMatching(/^options.yml:2: defaults.index: unknown key; expected refresh, /)],
  ] as [string, string][])('%j is refused with one sentence and its line', async (text, message) => {
    expect(await problems(text)).toEqual([message]);
  });

  test.each(['a: [', 'a: 1\na: 2', '\tx: 1', 'a: *b', 'a: 1\n---\nb: 2', '%YAML 9\n--- !!x 1'])(
    '%j is refused with its line and without a trace',
    async (text) => {
      const found = await problems(text);
      expect(found.length).toBeGreaterThan(0);
      for (const problem of found) expect(problem).toMatch(/^options\.yml:\d+: |^ /);
    },
  );

  test('is judged as a whole: every problem is reported at once', async () => {
    const found = await problems(
      'defaults: { refresh: 1, versionning: x }\ntables: { Orders: { index: A, transform: ../x.ts } }\nfoo: 1\n',
    );
    expect(found).toHaveLength(5);
  });

  test('hides nothing behind the illegal name of a table', async () => {
    const found = await problems(`tables:
  a b:
    indx: orders
    refresh: 1
    transform: none.js
    include: [x]
    exclude: [y]
environments:
  PROD:
    tables:
      "":
        trigger:
          batch-size: 0
          batchsize: 1
      c/d: {}
`);
    expect(found.toSorted()).toEqual([
      'options.yml:11: environments.PROD.tables.: expected the name of a table, found ""',
      'options.yml:13: environments.PROD.tables..trigger.batch-size: expected a whole number from 1 to 10000 (records), found 0',
      'options.yml:14: environments.PROD.tables..trigger.batchsize: unknown key; did you mean batch-size?',
      'options.yml:15: environments.PROD.tables.c/d: expected the name of a table, found "c/d"',
      'options.yml:2: tables.a b: expected the name of a table, found "a b"',
      'options.yml:3: tables.a b.indx: unknown key; did you mean index?',
      'options.yml:4: tables.a b.refresh: expected true, false or wait_for, found 1',
      'options.yml:5: there is no file "none.js"; it must be beside the options file or below',
      'options.yml:7: tables.a b.exclude: include and exclude cannot be used together; remove one of them',
    ]);
  });

  test('draws warnings, with their lines, for what will surprise', async () => {
    const { warnings } = await load(`
defaults:
  trigger:
    maximum-record-age-hours: 24
tables:
  Orders:
    trigger:
      filter: [{ dynamodb: { NewImage: { type: { S: [order] } } } }]
  Users: { trigger: { filter: [{ eventName: [INSERT] }] } }
  Keys: { trigger: { filter: [{ eventSource: ["aws:dynamodb"], dynamodb: { Keys: { NewImage: { S: [a] } } } }] } }
`);
    expect(warnings.map(({ where, place }) => `${place?.line ?? 0} ${where}`)).toEqual([
      '4 defaults.trigger.maximum-record-age-hours',
      '8 tables.Orders.trigger.filter',
      '9 tables.Users.trigger.filter',
    ]);
  });

  test.each<[written: string, environment: string]>([
    ['prod', 'PROD'],
    ['Prod', 'PROD'],
    ['"PROD "', 'PROD'],
    ['" PROD"', 'PROD'],
    ['"PR OD"', 'PROD'],
    ['"PROD\\t"', 'PROD'],
    ['"PROD\\u00a0"', 'PROD'],
    ['PRO', 'PROD'],
    ['PRODD', 'PROD'],
    ['PRAD', 'PROD'],
    ['PORD', 'PROD'],
    ['prd', 'PROD'],
    ['PRОD', 'PROD'],
    ['PROD-EU', 'PROD_EU'],
    ['stagE', 'STAGE'],
  ])('has no overrides for %s where this is environment %s, which they were meant for', async (written, environment) => {
    write('options.yml', `defaults: {}\nenvironments:\n  ${written}: { tables: { Orders: { exclude: [card] } } }\n`);
    const loading = loadOptions('options.yml', { workspace, environment });
    await expect(loading).rejects.toThrow(
      new RegExp(
        `^options.yml:3: environments\\..*: this is environment ${environment}, which has no overrides; did you mean ${environment}\\?`,
      ),
    );
    const own = `defaults: {}\nenvironments:\n  ${written}: {}\n  ${environment}: {}\n`;
    expect((await load(own, environment)).tables).toEqual({});
  });

  test.each([
    ['PROD2', 'PROD'],
    ['QA1', 'QA2'],
    ['STAGE', 'PROD'],
    ['PR', 'PROD'],
    ['A', 'B'],
  ])('may have overrides for %s in environment %s, which is another', async (written, environment) => {
    expect((await load(`environments:\n  ${written}: { defaults: { refresh: false } }\n`, environment)).defaults).toEqual({});
  });

  test('says where it names each table of this environment', async () => {
    const file = 'tables:\n  Orders: {}\nenvironments:\n  STAGE:\n    tables: { Users: {} }\n  PROD: { tables: { Others: {} } }\n';
    expect((await load(file)).tablePlaces).toEqual({
      Orders: { file: 'options.yml', line: 2 },
      Users: { file: 'options.yml', line: 5 },
    });
  });
});

describe('the path of the options file', () => {
  test('must lie in the workspace, symbolic links included', async () => {
    writeFileSync(join(outside, 'options.yml'), '');
    symlinkSync(join(outside, 'options.yml'), join(workspace, 'link.yml'));
    for (const config of ['../options.yml', join(outside, 'options.yml'), 'link.yml', '..', '../nothing.yml']) {
      await expect(loadOptions(config, { workspace, environment: 'STAGE' })).rejects.toThrow(
        /^config: ".*" leads out of the workspace; name a file/,
      );
    }
  });

  test('may be absolute, or go through a link inside the workspace', async () => {
    write('real/options.yml', 'prune-triggers: true');
    symlinkSync(join(workspace, 'real'), join(workspace, 'linked'));
    for (const config of [join(workspace, 'real/options.yml'), 'linked/options.yml', './real/../real/options.yml']) {
      expect((await loadOptions(config, { workspace, environment: 'STAGE' })).pruneTriggers).toBe(true);
    }
  });

  test('must name a file that is there', async () => {
    await expect(loadOptions('x.yml', { workspace, environment: 'STAGE' })).rejects.toThrow(
      'config: there is no file "x.yml" in the workspace; check the path, and that the job checks the repository out',
    );
    mkdirSync(join(workspace, 'folder'));
    await expect(loadOptions('folder', { workspace, environment: 'STAGE' })).rejects.toThrow(
      'config: "folder" cannot be read; name a YAML file',
    );
  });
});

describe('the transforms of the options file', () => {
  const tables = (transform: string): string => `tables:\n  Orders:\n    transform: ${transform}\n`;

  test('lie beside it or below, symbolic links included', async () => {
    writeFileSync(join(outside, 'secret.js'), IDENTITY);
    symlinkSync(join(outside, 'secret.js'), join(workspace, 'link.js'));
    symlinkSync(outside, join(workspace, 'up'));
    for (const file of ['../x.js', 'link.js', 'up/secret.js', 'a/../../x.js']) {
      expect(await problems(tables(file))).toEqual([
        `options.yml:3: the file "${file}" leads out of the folder; it must be beside the options file or below`,
      ]);
    }
    expect(await problems(tables('x.js'))).toEqual(['options.yml:3: there is no file "x.js"; it must be beside the options file or below']);
    for (const file of ['/etc/passwd.js', 'C:\\x.js', 'a.json', 'a.cjs']) {
      expect(await problems(tables(`'${file}'`))).toEqual([
        expect.stringContaining('expected the path of a .ts, .mts, .js or .mjs file beside the options file or below, found'),
      ]);
    }
  });

  test('are found from the folder of the options file, and problems name them from the workspace', async () => {
    write('.github/transforms/bad.ts', "\nimport './other.ts';\nexport default (d: object) => d;\n");
    await expect(load(tables('transforms/bad.ts'), 'STAGE', '.github/options.yml')).rejects.toThrow(
      '.github/transforms/bad.ts:2: it imports "./other.ts"; a transform is one file, which may import node: modules alone',
    );
  });

  test('of other environments are checked, but do not enter the package', async () => {
    write('a.js', IDENTITY);
    const text = 'environments: { PROD: { tables: { Orders: { transform: a.js } } } }';
    expect((await load(text, 'STAGE')).transforms).toEqual({});
    expect((await load(text, 'PROD')).transforms).toEqual({ 'transforms/a.mjs': IDENTITY });
    expect(await problems('environments:\n  PROD:\n    tables:\n      Orders:\n        transform: b.js')).toEqual([
      'options.yml:5: there is no file "b.js"; it must be beside the options file or below',
    ]);
  });

  test('of one name from two folders get different names', async () => {
    for (const file of ['transforms/orders.ts', 'orders.js', 'b/orders.ts']) write(file, IDENTITY);
    const { transforms, tables: found } = await load(
      'tables: { Aaa: { transform: transforms/orders.ts }, Bbb: { transform: orders.js }, Ccc: { transform: b/orders.ts }, Ddd: { transform: orders.js } }',
    );
    expect(Object.keys(transforms)).toHaveLength(3);
    expect(found.Ccc).toEqual({ transform: 'transforms/b-orders.mjs' });
    expect(found.Bbb).toEqual(found.Ddd);
    expect(found.Aaa?.transform).toMatch(/^transforms\/orders-[0-9a-f]{8}\.mjs$/);
    expect(found.Aaa).not.toEqual(found.Bbb);
  });
});
