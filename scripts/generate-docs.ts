// Writes the tables of inputs, outputs, options and permissions in the documents, and the descriptions of inputs and outputs in the reusable
// workflows, from the one place that defines each: action.yml, the schema of the options file and the tables of permissions.
// usage: node scripts/generate-docs.ts [--check: only report whether they are up to date]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';
import { z } from 'zod';
import { actionFile } from '../action/action-file.ts';
import type { Metadata } from '../action/action-file.ts';
import { FUNCTION_PERMISSIONS } from './function-permissions.ts';
import { optionsSchema } from '../action/options/schema.ts';
import { PERMISSIONS, iamAction, type Action, type Permission } from '../action/aws/permissions.ts';
import { policyOf, type Role } from './policies.ts';

const root = join(import.meta.dirname, '..');
const INPUTS = 'docs/inputs-and-outputs.md';

/** The part of JSON Schema that zod generates from the options. */
interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
}

/** The published schema, for editors (`# yaml-language-server: $schema=…`). */
export function schemaText(): string {
  return JSON.stringify(z.toJSONSchema(optionsSchema, { target: 'draft-07', io: 'input' }));
}

/** A table in Markdown. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text: string): string => `\`${text}\``;

function inputTable(inputs: Readonly<Record<string, Metadata>>): string {
  const rows = Object.entries(inputs).map(([name, { description, default: value }]) => [
    code(name),
    value === undefined ? '' : code(value),
    description,
  ]);
  return table(['Input', 'Default', 'Meaning'], rows);
}

function outputTable(outputs: Readonly<Record<string, Metadata>>): string {
  return table(
    ['Output', 'Meaning'],
    Object.entries(outputs).map(([name, { description }]) => [code(name), description]),
  );
}

/** The values that an option accepts, in words. */
function valuesOf({ type, enum: values, const: only, minimum, maximum, anyOf, items }: JsonSchema): string {
  if (values !== undefined) return values.map((value) => code(String(value))).join(', ');
  if (typeof only === 'string') return code(only);
  if (anyOf !== undefined) return anyOf.map(valuesOf).join(', ');
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'integer') return `${minimum ?? ''} to ${maximum ?? ''}`;
  if (type === 'array') return `list of ${items?.type === 'object' ? 'objects' : 'strings'}`;
  return type === 'object' ? 'keys and values' : 'text';
}

function optionTable(properties: Readonly<Record<string, JsonSchema>>, without: readonly string[] = []): string {
  const rows = Object.entries(properties)
    .filter(([name]) => !without.includes(name))
    .map(([name, schema]) => {
      const value =
        schema.default === undefined ? '' : code(typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default));
      return [code(name), valuesOf(schema), value, schema.description ?? ''];
    });
  return table(['Option', 'Values', 'Default', 'Meaning'], rows);
}

/** The reference of the options, in the order of the file. */
function optionSections(): string {
  const schema = JSON.parse(schemaText()) as JsonSchema;
  const { defaults, tables } = schema.properties ?? {};
  const ofTable = typeof tables?.additionalProperties === 'object' ? (tables.additionalProperties.properties ?? {}) : {};
  const { index } = ofTable;
  return [
    '### Top level',
    table(
      ['Key', 'Meaning'],
      Object.entries(schema.properties ?? {}).map(([name, { description }]) => [code(name), description ?? '']),
    ),
    '### Options of a table',
    'Set an option under `defaults` for every table, or under `tables.<name>`, where it wins; `index` can be set only under a table.',
    optionTable({ ...(index === undefined ? {} : { index }), ...defaults?.properties }, ['trigger']),
    '### Trigger',
    'Keys of the option `trigger`, merged key by key.',
    optionTable(defaults?.properties?.trigger?.properties ?? {}),
  ].join('\n\n');
}

/** Values for the placeholders in the policies that the documents show. */
const EXAMPLE: Readonly<Record<string, string>> = {
  partition: 'aws',
  region: 'eu-west-1',
  account: '123456789012',
  'function-name': 'DynamoToES',
  'code-bucket': 'my-code-bucket',
  'endpoint-file': 'PROD_es_creds',
  tables: 'Orders',
  role: 'arn:aws:iam::123456789012:role/DynamoToES',
  layers: 'arn:aws:lambda:eu-west-1:123456789012:layer:my-layer:1',
  'kms-key-arn': 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
  'table-key-arn': 'arn:aws:kms:eu-west-1:123456789012:key/44444444-5555-6666-7777-888888888888',
  'other-key-arn': 'arn:aws:kms:eu-west-1:123456789012:key/77777777-8888-9999-0000-111111111111',
  domain: 'orders',
  collection: 'abcdefghij1234567890',
  ES_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:cluster-AbCdEf',
  'on-failure-queue': 'arn:aws:sqs:eu-west-1:123456789012:orders-failed',
  'on-failure-topic': 'arn:aws:sns:eu-west-1:123456789012:orders-failed',
  'on-failure-bucket': 'my-failed-batches',
  'state-machine': 'DynamoToES-slices',
};

function policyText(role: Role): string {
  const fill = (text: string): string => text.replace(/\$\{([\w-]+)\}/g, (whole, name: string) => EXAMPLE[name] ?? whole);
  return `\`\`\`json\n${JSON.stringify(policyOf(role, fill), null, 2)}\n\`\`\``;
}

/** The permissions of the deploying role, row by row. */
function permissionTable(): string {
  const rows = (Object.entries(PERMISSIONS) as [Action, Permission][]).map(([action, { operations, when, why, mutates }]) => [
    code(iamAction(action)),
    operations.length === 3 ? 'all' : operations.map(code).join(', '),
    mutates ? 'yes' : '',
    when ?? 'always',
    why,
  ]);
  return table(['Action', 'Operations', 'Changes something', 'When', 'Why'], rows);
}

function functionTable(): string {
  return table(
    ['Actions', 'When', 'Why'],
    FUNCTION_PERMISSIONS.map(({ actions, when, why }) => [actions.map(code).join(', '), when ?? 'always', why]),
  );
}

/** Replaces the text between `<!-- begin <name> -->` and `<!-- end <name> -->`. */
function between(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`The markers ${begin} and ${end} are missing`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

function permissions(text: string): string {
  const parts: Readonly<Record<string, string>> = {
    deploy: permissionTable(),
    'deploy-policy': policyText('deploy'),
    'refresh-mapping-policy': policyText('refresh-mapping'),
    'rollback-policy': policyText('rollback'),
    'tables-policy': policyText('verify'),
    'plan-policy': policyText('plan'),
    function: functionTable(),
    'function-policy': policyText('function'),
  };
  return Object.entries(parts).reduce((made, [name, content]) => between(made, name, content), text);
}

/** The parts of a reusable workflow that its descriptions depend on. */
interface ReusableWorkflow {
  readonly on: { readonly workflow_call: { readonly inputs: Readonly<Record<string, { readonly default?: unknown }>> } };
  readonly jobs: Readonly<
    Record<string, { readonly steps?: readonly { readonly uses?: string; readonly with?: Record<string, string> }[] }>
  >;
}

/** Inputs and outputs that mean something else in the workflows than in the action: the workflows describe them themselves. */
export const OWN_DESCRIPTIONS: Readonly<Record<'inputs' | 'outputs', readonly string[]>> = {
  inputs: ['operation', 'dry-run', 'environment', 'config', 'role-to-assume'],
  outputs: ['environment'],
};

/**
 * An input's description in a workflow: the action's, with the variable of the GitHub environment that the workflow falls back to and the
 * action's default, where the workflow passes an empty value on.
 */
function workflowDescription({ description, default: value }: Metadata, variable: string | undefined, isEmpty: boolean): string {
  const [first = '', ...rest] = description.replace(/\.$/, '').split('; ');
  return `${[
    first,
    ...(variable === undefined || description.includes(`\`${variable}\``) ? [] : [`falls back to the variable \`${variable}\``]),
    ...rest,
    ...(isEmpty && value !== undefined ? [`if not set, \`${value}\``] : []),
  ].join('; ')}.`;
}

/** A reusable workflow with the action's descriptions of the inputs and outputs that it shares with the action. */
function workflow(text: string): string {
  const { inputs, outputs } = actionFile();
  const { on, jobs } = parse(text) as ReusableWorkflow;
  const passed = Object.values(jobs)
    .flatMap(({ steps = [] }) => steps)
    .find(({ uses }) => uses === '$/')?.with;
  // Plain where YAML lets it.
  const scalar = (value: string): string => (/^[`'"]|: | #/.test(value) ? `'${value.replaceAll("'", "''")}'` : value);
  const describe = (part: string, descriptionOf: (name: string) => string | undefined): string =>
    part.replace(/^( {6}([\w-]+):\n {8}description: ).*$/gm, (whole, head: string, name: string) => {
      const description = descriptionOf(name);
      return description === undefined ? whole : `${head}${scalar(description)}`;
    });
  const [, head = '', ins = '', outs = '', tail = ''] =
    /^([\s\S]*?\n {4}inputs:\n)([\s\S]*?\n)( {4}outputs:\n[\s\S]*?\n)( {2}workflow_dispatch:|\npermissions:)/.exec(text) ?? [];
  if (head === '') throw new Error('A reusable workflow has inputs, outputs and permissions, in this order');
  return [
    head,
    describe(ins, (name) => {
      const input = inputs[name];
      if (input === undefined || OWN_DESCRIPTIONS.inputs.includes(name)) return undefined;
      const variable = /\bvars\.(\w+)/.exec(passed?.[name] ?? '')?.[1];
      return workflowDescription(input, variable, on.workflow_call.inputs[name]?.default === '');
    }),
    describe(outs, (name) => (OWN_DESCRIPTIONS.outputs.includes(name) ? undefined : outputs[name]?.description)),
    tail,
    text.slice(head.length + ins.length + outs.length + tail.length),
  ].join('');
}

/** Every file that is generated, wholly or in part: its path and its text. */
export async function documents(): Promise<Map<string, string>> {
  const { inputs, outputs } = actionFile();
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const raw = new Map([
    [INPUTS, between(between(read(INPUTS), 'inputs', inputTable(inputs)), 'outputs', outputTable(outputs))],
    ...['.github/workflows/deploy.yml', '.github/workflows/plan.yml'].map((path) => [path, workflow(read(path))] as const),
    ['docs/options.md', between(read('docs/options.md'), 'options', optionSections())],
    ['docs/options.schema.json', schemaText()],
    ['docs/permissions.md', permissions(read('docs/permissions.md'))],
  ]);
  const formatted = await Promise.all(
    [...raw].map(async ([path, text]) => {
      const filepath = join(root, path);
      return [path, await format(text, { ...(await resolveConfig(filepath)), filepath })] as const;
    }),
  );
  return new Map(formatted);
}

if (import.meta.main) {
  const isCheck = process.argv.includes('--check');
  const stale = [...(await documents())].filter(
    ([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text,
  );
  for (const [path, text] of isCheck ? [] : stale) writeFileSync(join(root, path), text);
  if (isCheck && stale.length > 0) {
    console.error(`${stale.map(([path]) => path).join(', ')}: not up to date; run npm run docs`);
    process.exitCode = 1;
  }
}
