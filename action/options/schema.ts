// The form of the options file. docs/options.schema.json and the reference in docs/options.md are generated from it.
import { z } from 'zod';
import { DEFAULT_OPTIONS } from '../../formats/function-config.ts';
import { indexNameProblem } from '../../formats/index-name.ts';
import { parseS3Uri } from '../../formats/s3-uri.ts';
import { transformPathProblem } from './transforms.ts';
import {
  TRIGGER_DEFAULTS,
  TRIGGER_SETTINGS,
  type TriggerOptions,
  type TriggerSetting,
  type TriggerSettingName,
} from './trigger-options.ts';

/** Every message says what was expected; the value found is added where the place of the problem is known. */
const expected = (what: string): { error: string } => ({ error: `expected ${what}` });

const oneOf = <const T extends readonly [string, ...string[]]>(values: T): z.ZodEnum<{ [K in T[number]]: K }> =>
  z.enum(values, expected(`${values.slice(0, -1).join(', ')} or ${String(values.at(-1))}`));

function wholeNumber(min: number, max: number, unit: string): z.ZodNumber {
  const rule = expected(`a whole number from ${min} to ${max}${unit === '' ? '' : ` (${unit})`}`);
  return z.int(rule).min(min, rule).max(max, rule);
}

const boolean = (): z.ZodBoolean => z.boolean(expected('true or false'));
const paths = (): z.ZodArray<z.ZodString> =>
  z.array(z.string(expected('an attribute path')).min(1, expected('an attribute path')), expected('a list of attribute paths'));
const settings = (): z.ZodRecord<z.ZodString, z.ZodUnknown> => z.record(z.string(), z.unknown(), expected('keys with their values'));

/** A rule that says itself what is wrong. */
const rule =
  (problemOf: (value: string) => string | undefined) =>
  (context: z.core.ParsePayload<string>): void => {
    const message = problemOf(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  };
const expectedPath = (problem: string | undefined): string | undefined => (problem === undefined ? undefined : `expected ${problem}`);

const ON_FAILURE = /^arn:aws(?:-[a-z]+)*:(?:sqs:[a-z0-9-]+:\d{12}:[\w.-]+|sns:[a-z0-9-]+:\d{12}:[\w.-]+|s3:::[a-z0-9.-]+)$/;

/** A plain setting of a trigger, as the table of them describes it. */
const plain = ({ range, description, default: otherwise }: TriggerSetting): z.ZodType =>
  (range === undefined ? boolean() : wholeNumber(...range)).meta({ description, default: otherwise });
const plainSettings = Object.fromEntries(
  Object.entries<TriggerSetting>(TRIGGER_SETTINGS).map(([name, setting]) => [name, plain(setting)]),
) as { [Name in TriggerSettingName]: z.ZodType<TriggerOptions[Name]> };

const trigger = z
  .strictObject(
    {
      ...plainSettings,
      'starting-position': oneOf(['TRIM_HORIZON', 'LATEST']).meta({
        description: 'Position at which a new trigger starts to read; used only when the trigger is created.',
        default: TRIGGER_DEFAULTS['starting-position'],
      }),
      'on-failure': z
        .string(expected('the ARN of a queue, topic or bucket'))
        .regex(ON_FAILURE, expected('the ARN of a queue, topic or bucket'))
        .meta({ description: 'ARN of the SQS queue, SNS topic or S3 bucket that receives expired records.' }),
      filter: z
        .array(z.record(z.string(), z.unknown(), expected('an event pattern as an object')), expected('a list of event patterns'))
        .max(10, expected('at most 10 event patterns'))
        .meta({
          description: 'Event patterns, as objects in which every leaf is a list; records that match none do not reach the function.',
          default: [],
        }),
      enabled: boolean().meta({ description: 'Whether the trigger is enabled; if not set, a disabled trigger stays disabled.' }),
    },
    expected('the settings of a trigger'),
  )
  .partial()
  .meta({ description: 'Settings of the trigger, for the tables of the input `tables`.' });

const shared = {
  refresh: z.union([z.boolean(), z.literal('wait_for')], expected('true, false or wait_for')).meta({
    description:
      'Whether the documents of an invocation are searchable at once (`true`), when the index refreshes (`wait_for`), or later (`false`).',
    default: DEFAULT_OPTIONS.refresh,
  }),
  versioning: oneOf(['external', 'none']).meta({
    description:
      'Whether a version from the time and sequence number of its record protects a document, or documents are written in order of arrival.',
    default: DEFAULT_OPTIONS.versioning,
  }),
  'on-malformed': oneOf(['dead-letter', 'fail', 'drop']).meta({
    description: 'Treatment of a record that can never be indexed.',
    default: DEFAULT_OPTIONS['on-malformed'],
  }),
  'partial-batch-response': oneOf(['auto', 'always', 'never']).meta({
    description:
      'Whether the function reports failures in its response (`always`), throws (`never`), or does what the table’s trigger supports (`auto`).',
    default: DEFAULT_OPTIONS['partial-batch-response'],
  }),
  'dead-letters': z
    .string(expected('s3://bucket/prefix'))
    .refine((uri) => parseS3Uri(uri) !== undefined, expected('s3://bucket/prefix'))
    .meta({ description: 'Place for dead letters; if not set, `dead-letters/<function-name>` in the code bucket.' }),
  'index-settings': settings().meta({ description: 'Settings of the index, merged over the function’s own when it creates the index.' }),
  mappings: settings().meta({ description: 'Mapping of the index, merged over the function’s own when it creates the index.' }),
  include: paths().meta({ description: 'Only these attributes are indexed; not together with exclude.' }),
  exclude: paths().meta({ description: 'All attributes except these are indexed.' }),
  transform: z
    .string(expected('the path of a .ts, .mts, .js or .mjs file'))
    .check(rule((file) => expectedPath(transformPathProblem(file))))
    .meta({ description: 'File in the folder of the options file or below, whose default export returns the document to index.' }),
  'ttl-deletes': oneOf(['delete', 'keep']).meta({
    description: 'Whether the document is deleted or kept when DynamoDB removes its item because of its time to live.',
    default: DEFAULT_OPTIONS['ttl-deletes'],
  }),
  'multi-index-alias': boolean().meta({
    description:
      'Whether `index` may be an alias over several indexes. Updates and deletes reach its write index only: after a rollover, searches by the alias find older states and deleted items in the other indexes.',
    default: DEFAULT_OPTIONS['multi-index-alias'],
  }),
  trigger,
};

const index = z
  .string(expected('the name of an index or alias'))
  .check(rule(indexNameProblem))
  .meta({ description: 'Index or alias of the table; if not set, the name of the table in lower case.' });

const defaults = z.strictObject(shared, expected('options')).partial().meta({ description: 'Options of every table.' });
const table = z.strictObject({ index, ...shared }, expected('options')).partial();
const tables = z
  .record(z.string().regex(/^[A-Za-z0-9_.-]{3,255}$/, expected('the name of a table')), table, expected('table names with their options'))
  .meta({ description: 'Options of individual tables, by exact name; they win over the defaults.' });
const pruneTriggers = boolean().meta({
  description: 'Whether triggers of tables that are not in the input `tables` are removed.',
  default: false,
});

const onlyKnownTables = boolean().meta({
  description:
    'Whether records of tables that neither the key mapping nor this file names fail, until the action has run with `operation: refresh-mapping`; otherwise they are indexed under the name of the table.',
  default: false,
});

const overrides = z
  .strictObject(
    { defaults, tables, 'prune-triggers': pruneTriggers, 'only-known-tables': onlyKnownTables },
    expected('defaults, tables, prune-triggers or only-known-tables'),
  )
  .partial();

export const optionsSchema = z
  .strictObject(
    {
      defaults,
      tables,
      'prune-triggers': pruneTriggers,
      'only-known-tables': onlyKnownTables,
      environments: z
        .record(z.string(), overrides, expected('environment names with their overrides'))
        .meta({ description: 'Overrides per environment, merged over the rest of the file.' }),
    },
    expected('defaults, tables, prune-triggers, only-known-tables or environments'),
  )
  .partial()
  .meta({ title: 'DynamoDB to OpenSearch: options file' });

/** An options file as it was written. */
export type OptionsFile = z.infer<typeof optionsSchema>;
export type WrittenOverrides = z.infer<typeof overrides>;
export type WrittenOptions = z.infer<typeof table>;
export type WrittenTrigger = z.infer<typeof trigger>;
