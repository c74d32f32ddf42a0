// The templates of CloudFormation, as far as they use it: read, and resolved for values of the parameters.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSeq, parse, type CollectionTag, type ScalarTag } from 'yaml';
import { PROJECT } from '../stack/cache.ts';

/** CloudFormation's short forms, as its long ones; `!GetAtt a.b` names what `!Sub ${a.b}` does. */
const scalar = (tag: string, name: string): ScalarTag => ({ tag, resolve: (value: string) => ({ [name]: value }) });
const list = (tag: string, name: string): CollectionTag => ({
  tag,
  collection: 'seq',
  resolve: (value) => ({ [name]: isSeq(value) ? value.toJSON() : undefined }),
});
const customTags = [
  scalar('!Ref', 'Ref'),
  scalar('!Condition', 'Condition'),
  scalar('!Sub', 'Fn::Sub'),
  list('!Sub', 'Fn::Sub'),
  scalar('!GetAtt', 'Fn::GetAtt'),
  ...['If', 'Not', 'And', 'Or', 'Equals', 'Join', 'Split'].map((name) => list(`!${name}`, `Fn::${name}`)),
];

export interface Template {
  readonly Parameters: Readonly<
    Record<
      string,
      { readonly Type: string; readonly Default?: unknown; readonly AllowedPattern?: string; readonly AllowedValues?: string[] }
    >
  >;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Condition?: string; readonly Properties: Readonly<Record<string, unknown>> }>
  >;
}

const source = (name: string): string => readFileSync(join(PROJECT, 'docs/cloudformation', name), 'utf8');
export const template = (name: string): Template => parse(source(name), { customTags }) as Template;

/** Values of parameters; of what has a default and is not named, the default. */
export type Values = Readonly<Record<string, string | readonly string[]>>;

/** Whether CloudFormation accepts a value for a parameter: of a list, each one. */
export function accepts({ Parameters: parameters }: Template, name: string, value: string): boolean {
  const { AllowedPattern: pattern = '', AllowedValues: allowed } = parameters[name] ?? {};
  return new RegExp(`^(?:${pattern})$`).test(value) && allowed?.includes(value) !== false;
}

/** The values that AWS puts in, and resources of the templates. */
export const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-west-1',
  'AWS::AccountId': '123456789012',
  'AWS::URLSuffix': 'amazonaws.com',
  'CodeBucket.Arn': 'arn:aws:s3:::my-code-bucket',
  CodeBucket: 'my-code-bucket',
  'DeployRole.Arn': 'arn:aws:iam::123456789012:role/deployer',
  'StateMachineRole.Arn': 'arn:aws:iam::123456789012:role/state-machine',
  OnFailureBucket: 'orders-failed',
  'OnFailureBucket.Arn': 'arn:aws:s3:::orders-failed',
  'FunctionRole.Arn': 'arn:aws:iam::123456789012:role/function',
};
const NOTHING = Symbol('AWS::NoValue');

/** A part of the template as CloudFormation resolves it. @throws {Error} on a function or name that is not known here */
export function resolved(from: Template, part: unknown, values: Values): unknown {
  const value = (name: string): unknown => {
    if (name === 'AWS::NoValue') return NOTHING;
    const found = PSEUDO[name] ?? values[name] ?? from.Parameters[name]?.Default;
    if (found === undefined) throw new Error(`Nothing replaces ${name}`);
    return from.Parameters[name]?.Type === 'CommaDelimitedList' && typeof found === 'string' ? found.split(',') : found;
  };
  if (Array.isArray(part)) return part.map((one) => resolved(from, one, values)).filter((one) => one !== NOTHING);
  if (typeof part !== 'object' || part === null) return part;
  const [[key, argument] = ['', undefined], ...more] = Object.entries(part) as [string, unknown][];
  if (more.length > 0 || !/^(?:Ref|Fn::.*|Condition)$/.test(key) || (key === 'Condition' && typeof argument !== 'string'))
    return Object.fromEntries(
      Object.entries(part)
        .map(([name, one]) => [name, resolved(from, one, values)])
        .filter(([, one]) => one !== NOTHING),
    );
  if (key === 'Ref' || key === 'Fn::GetAtt') return value(String(argument));
  if (key === 'Fn::Sub') {
    const [text, own] = Array.isArray(argument) ? (argument as [string, Readonly<Record<string, unknown>>]) : [String(argument), {}];
    return text.replace(/\$\{([\w:.]+)\}/g, (_, name: string) =>
      String(Object.hasOwn(own, name) ? resolved(from, own[name], values) : value(name)),
    );
  }
  if (key === 'Condition') return resolved(from, from.Conditions?.[String(argument)], values);
  if (key === 'Fn::If') {
    const [condition, yes, no] = argument as [string, unknown, unknown];
    return resolved(from, resolved(from, from.Conditions?.[condition], values) === true ? yes : no, values);
  }
  const operands = resolved(from, argument, values) as unknown[];
  switch (key) {
    case 'Fn::Not':
      return operands[0] !== true;
    case 'Fn::And':
      return operands.every((one) => one === true);
    case 'Fn::Or':
      return operands.includes(true);
    case 'Fn::Equals':
      return operands[0] === operands[1];
    case 'Fn::Join':
      return (operands[1] as string[]).join(String(operands[0]));
    case 'Fn::Split':
      return String(operands[1]).split(String(operands[0]));
    default:
      throw new Error(`${key} is not known`);
  }
}

/** The state machine that state-machine.yml makes. */
export function stateMachine(values: Values): { readonly name: string; readonly definition: string; readonly roleArn: string } {
  const from = template('state-machine.yml');
  const { StateMachineName, DefinitionString, RoleArn } = resolved(from, from.Resources.StateMachine?.Properties, values) as {
    readonly StateMachineName: string;
    readonly DefinitionString: string;
    readonly RoleArn: string;
  };
  return { name: StateMachineName, definition: DefinitionString, roleArn: RoleArn };
}
