import { describe, expect, test } from '@jest/globals';
import { packageChanges } from '../../../action/plan/package-plan.ts';
import { buildPackage, type Package } from '../../../action/package/package.ts';
import { provenanceOf, type Provenance } from '../../../action/plan/provenance.ts';
import type { FunctionConfig, TableOptions } from '../../../formats/function-config.ts';

function packed(overrides: Partial<FunctionConfig> = {}, transform = 'same'): Package {
  const config: FunctionConfig = {
    format: 1,
    release: '1.0.0',
    environment: 'STAGE',
    endpoint: 'https://search.example.com',
    auth: { type: 'none' },
    options: { defaults: {}, tables: {} },
    ...overrides,
  };
  return buildPackage({ handler: Buffer.from('export {}'), config, mapping: {}, transforms: { [`transforms/${transform}.mjs`]: '' } });
}

const inputs = { endpoint: undefined, endpointFile: 'STAGE_es_creds', codeBucket: 'code', config: undefined };
const FILE = { ...inputs, config: '.github/search.yml' };
const NAMED = 'the options file .github/search.yml';

/** The changes, and their reasons. */
const reasons = (from: Package, to: Package, provenance: Provenance | undefined): Record<string, string> =>
  Object.fromEntries(packageChanges(from, to, provenance).map(({ path, reason }) => [path, reason]));
const withDefaults = (defaults: TableOptions): Package => packed({ options: { defaults, tables: {} } });
const place = { 'dead-letters': 's3://code/dead-letters/DynamoToES' };

describe('the reason of a change names', () => {
  test.each<[string, Partial<typeof inputs> | { endpoint: string }, string]>([
    ['the key in the code bucket', {}, 'the endpoint file s3://code/STAGE_es_creds'],
    ['another key in it', { endpointFile: 'search/creds' }, 'the endpoint file s3://code/search/creds'],
    ['the address that was set', { endpointFile: 's3://other/a/b' }, 'the endpoint file s3://other/a/b'],
    ['the input', { endpoint: 'https://search.example.com' }, 'the input endpoint'],
  ])('where the endpoint came from: %s', (_name, overrides, source) => {
    const provenance = provenanceOf({ ...inputs, ...overrides }, { defaults: {} });
    const basic = (password: string): Partial<FunctionConfig> => ({
      auth: { type: 'basic', username: 'writer', password },
      certificateAuthority: password,
    });
    expect(reasons(packed({ endpoint: 'https://old.example.com' }), packed(basic('a')), provenance)).toEqual({
      endpoint: source,
      auth: source,
      'certificate-authority': source,
    });
    expect(reasons(packed(basic('a')), packed(basic('b')), provenance)).toEqual({ auth: source, 'certificate-authority': source });
  });

  test('no options file where there is none', () => {
    const provenance = provenanceOf(inputs, { defaults: {} });
    expect(reasons(withDefaults({ refresh: false }), withDefaults(place), provenance)).toEqual({
      'options.defaults.dead-letters': 'default',
      'options.defaults.refresh': 'there is no options file',
    });
    expect(reasons(packed({}, 'old'), withDefaults({}), provenance)).toMatchObject({ 'transforms/old.mjs': 'there is no options file' });
    expect(packageChanges(undefined, withDefaults(place), provenance)).toContainEqual(
      expect.objectContaining({ path: 'options.defaults.dead-letters', reason: 'default' }),
    );
  });

  test('the options file for what it says, and the default for what it does not', () => {
    const from = packed({ options: { defaults: { refresh: false }, tables: {} } }, 'old');
    const to = packed(
      { options: { defaults: { ...place, versioning: 'none' }, tables: { Orders: { index: 'o' } }, 'only-known-tables': true } },
      'new',
    );
    expect(reasons(from, to, provenanceOf(FILE, { defaults: { versioning: 'none' } }))).toEqual({
      'options.defaults.dead-letters': 'default',
      'options.defaults.refresh': `${NAMED} does not name it`,
      'options.defaults.versioning': NAMED,
      'options.tables.Orders.index': NAMED,
      'options.only-known-tables': NAMED,
      'transforms/new.mjs': NAMED,
      'transforms/old.mjs': `${NAMED} does not name it`,
    });
  });

  test('where the place of dead letters is set, or no longer set', () => {
    const path = 'options.defaults.dead-letters';
    const [none, some] = [withDefaults({}), withDefaults(place)];
    const noBucket = { codeBucket: undefined, endpoint: 'https://search.example.com' };
    expect(reasons(none, some, provenanceOf(FILE, { defaults: place }))).toEqual({ [path]: NAMED });
    expect(reasons(none, some, provenanceOf(FILE, { defaults: {} }))).toEqual({ [path]: 'default' });
    expect(reasons(some, none, provenanceOf({ ...FILE, ...noBucket }, { defaults: {} }))).toEqual({
      [path]: `there is no code-bucket, and ${NAMED} does not name it`,
    });
    expect(reasons(some, none, provenanceOf({ ...inputs, ...noBucket }, { defaults: {} }))).toEqual({ [path]: 'there is no code-bucket' });
  });

  test('neither file where a former package comes back', () => {
    const now = packed({ release: '2.0.0', endpoint: 'https://new.example.com', options: { defaults: place, tables: {} } });
    expect(reasons(now, packed(), undefined)).toEqual({
      code: 'as it was deployed before',
      endpoint: 'as it was deployed before',
      'options.defaults.dead-letters': 'as it was deployed before',
    });
  });
});
