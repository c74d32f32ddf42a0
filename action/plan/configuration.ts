// The function's configuration: what the user asked for × what AWS shows → the fields to send and the changes to show. Pure.
import type { FunctionConfiguration, Runtime } from '@aws-sdk/client-lambda';
import { variablesProblem } from '../inputs/aws-rules.ts';
import type { Configuration } from '../aws/function.ts';
import { change, isSame, type Change, type Shown } from './change.ts';
import type { Problem } from '../errors.ts';
import { CLEAR, type Clearable, type Inputs } from '../inputs/inputs.ts';

/** How Lambda calls the package. */
export const HANDLER = 'index.handler';

/** What a function is created with where the user does not say (contract 2.1); an update leaves these as they are. */
export const ON_CREATE = { memorySize: 128, timeout: 60, runtime: 'nodejs24.x', architecture: 'arm64' } as const;

export interface ConfigurationPlan {
  /** Fields for UpdateFunctionConfiguration; none: no call. */
  readonly patch: Configuration;
  /** For UpdateFunctionCode, where it must change. */
  readonly architecture: 'arm64' | 'x86_64' | undefined;
  readonly changes: readonly Change[];
  readonly problems: readonly Problem[];
}

interface Field {
  readonly path: string;
  readonly before: Shown | undefined;
  readonly after: Shown | undefined;
  readonly send: Configuration;
  readonly reason?: string;
}

const AS_SET = 'as the input says';

/** The value, or `empty` where the word `none` clears it. */
function given<T>(value: Clearable<T> | undefined, empty: T): T | undefined {
  return value === CLEAR ? empty : value;
}

const orNone = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
const sorted = (values: readonly string[] | undefined): string[] => [...(values ?? [])].sort();

/** What of the configuration is to change. @param actual of the function, or of the version that an alias serves */
export function planConfiguration(inputs: Inputs, actual: FunctionConfiguration): ConfigurationPlan {
  const { fields, problems } = environmentFields(inputs, actual);
  const changed = [...packageFields(inputs, actual), ...plainFields(inputs, actual), ...vpcFields(inputs, actual), ...fields].filter(
    ({ before, after }) => !isSame(before, after),
  );
  const architecture =
    inputs.architecture === undefined || inputs.architecture === (actual.Architectures?.[0] ?? 'x86_64') ? undefined : inputs.architecture;
  return {
    patch: Object.assign({}, ...changed.map(({ send }) => send)) as Configuration,
    architecture,
    problems,
    changes: [
      ...changed.map(({ path, before, after, reason }) => change('function', path, before, after, reason ?? AS_SET)),
      ...(architecture === undefined
        ? []
        : [change('function', 'architecture', actual.Architectures?.[0] ?? 'x86_64', architecture, AS_SET)]),
    ],
  };
}

/** What the package needs, whether the user named it or not: a function taken over from another hand may be Python. */
function packageFields(inputs: Inputs, actual: FunctionConfiguration): Field[] {
  const runs = Number(/^nodejs(\d+)\.x$/.exec(actual.Runtime ?? '')?.[1] ?? 0) >= 22;
  const runtime = inputs.runtime ?? (runs ? actual.Runtime : ON_CREATE.runtime);
  return [
    { path: 'handler', before: actual.Handler, after: HANDLER, send: { Handler: HANDLER }, reason: 'the package needs it' },
    {
      path: 'runtime',
      before: actual.Runtime,
      after: runtime,
      send: { Runtime: runtime as Runtime },
      reason: inputs.runtime === undefined ? 'the package needs it' : AS_SET,
    },
  ];
}

function plainFields(inputs: Inputs, actual: FunctionConfiguration): Field[] {
  const fields: Field[] = [];
  const add = (path: string, before: Shown | undefined, after: Shown | undefined, send: Configuration): void => {
    fields.push({ path, before, after, send });
  };
  const { role, memorySize, timeout, tracing } = inputs;
  if (role !== undefined) add('role', actual.Role, role, { Role: role });
  if (memorySize !== undefined) add('memory-size', actual.MemorySize, memorySize, { MemorySize: memorySize });
  if (timeout !== undefined) add('timeout', actual.Timeout, timeout, { Timeout: timeout });
  const description = given(inputs.description, '');
  if (description !== undefined) add('description', orNone(actual.Description), orNone(description), { Description: description });
  const layers = given(inputs.layers, []);
  if (layers !== undefined)
    add(
      'layers',
      (actual.Layers ?? []).flatMap(({ Arn }) => Arn ?? []),
      layers,
      { Layers: [...layers] },
    );
  const key = given(inputs.kmsKeyArn, '');
  if (key !== undefined) add('kms-key-arn', orNone(actual.KMSKeyArn), orNone(key), { KMSKeyArn: key });
  if (tracing !== undefined) add('tracing', actual.TracingConfig?.Mode ?? 'PassThrough', tracing, { TracingConfig: { Mode: tracing } });
  return fields;
}

/** The answer has a `VpcId` that a request has not, and lists in any order; a function that left its VPC shows empty lists. */
function vpcFields(inputs: Inputs, actual: FunctionConfiguration): Field[] {
  const subnets = given(inputs.subnetIds, []);
  if (subnets === undefined) return [];
  const groups = subnets.length === 0 ? [] : (given(inputs.securityGroupIds, []) ?? actual.VpcConfig?.SecurityGroupIds ?? []);
  const send: Configuration = { VpcConfig: { SubnetIds: [...subnets], SecurityGroupIds: [...groups] } };
  return [
    { path: 'subnet-ids', before: sorted(actual.VpcConfig?.SubnetIds), after: sorted(subnets), send },
    { path: 'security-group-ids', before: sorted(actual.VpcConfig?.SecurityGroupIds), after: sorted(groups), send },
  ];
}

/** UpdateFunctionConfiguration replaces the whole map, so that what is to stay must be sent again. Plans name variables, never values. */
function environmentFields(inputs: Inputs, actual: FunctionConfiguration): { fields: Field[]; problems: Problem[] } {
  const wanted = given(inputs.environmentVariables, {});
  if (wanted === undefined) return { fields: [], problems: [] };
  const merges = inputs.envStrategy === 'merge' && inputs.environmentVariables !== CLEAR;
  if (actual.Environment?.Error !== undefined && merges) {
    const { ErrorCode: code, Message: words } = actual.Environment.Error;
    const message = `environment-variables: AWS could not decrypt those that the function has (${[code, words].filter(Boolean).join(': ')}), so that nothing can be merged with them. Give the deploying role kms:Decrypt on the function's key, or set env-strategy to overwrite`;
    return { fields: [], problems: [{ where: 'environment-variables', message }] };
  }
  const before = actual.Environment?.Variables ?? {};
  const after = merges ? { ...before, ...wanted } : wanted;
  const problem = variablesProblem(after);
  if (problem !== undefined) {
    return {
      fields: [],
      problems: [{ where: 'environment-variables', message: `environment-variables: with those that the function has, ${problem}` }],
    };
  }
  const send: Configuration = { Environment: { Variables: { ...after } } };
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const fields = names
    .filter((name) => before[name] !== after[name])
    .map((name) => ({
      path: `environment-variables.${name}`,
      before: name in before ? '(a value)' : undefined,
      after: !(name in after) ? undefined : name in before ? '(another value)' : '(a value)',
      send,
    }));
  // Variables that cannot be read count as other ones.
  const unread =
    actual.Environment?.Error === undefined ? [] : [{ path: 'environment-variables', before: '(not readable)', after: '(replaced)', send }];
  return { fields: [...fields, ...unread], problems: [] };
}

/** The fields that bring `from` back to `to`, for a function that is put back after a failed check or follows the version that serves. */
export function patchBack(from: FunctionConfiguration, to: FunctionConfiguration): Configuration {
  const patch: Configuration = {};
  if (from.Handler !== to.Handler && to.Handler !== undefined) patch.Handler = to.Handler;
  if (from.Runtime !== to.Runtime && to.Runtime !== undefined) patch.Runtime = to.Runtime;
  if (from.Role !== to.Role && to.Role !== undefined) patch.Role = to.Role;
  if (from.MemorySize !== to.MemorySize && to.MemorySize !== undefined) patch.MemorySize = to.MemorySize;
  if (from.Timeout !== to.Timeout && to.Timeout !== undefined) patch.Timeout = to.Timeout;
  if ((from.Description ?? '') !== (to.Description ?? '')) patch.Description = to.Description ?? '';
  if ((from.KMSKeyArn ?? '') !== (to.KMSKeyArn ?? '')) patch.KMSKeyArn = to.KMSKeyArn ?? '';
  const mode = to.TracingConfig?.Mode ?? 'PassThrough';
  if ((from.TracingConfig?.Mode ?? 'PassThrough') !== mode) patch.TracingConfig = { Mode: mode };
  const layers = (configuration: FunctionConfiguration): string[] => (configuration.Layers ?? []).flatMap(({ Arn }) => Arn ?? []);
  if (!isSame(layers(from), layers(to))) patch.Layers = layers(to);
  const vpc = ({ VpcConfig }: FunctionConfiguration): { SubnetIds: string[]; SecurityGroupIds: string[] } => ({
    SubnetIds: sorted(VpcConfig?.SubnetIds),
    SecurityGroupIds: sorted(VpcConfig?.SecurityGroupIds),
  });
  if (!isSame(vpc(from), vpc(to))) patch.VpcConfig = vpc(to);
  const variables = to.Environment?.Variables ?? {};
  const readable = from.Environment?.Error === undefined && to.Environment?.Error === undefined;
  if (readable && !isSame(from.Environment?.Variables ?? {}, variables)) patch.Environment = { Variables: variables };
  return patch;
}
