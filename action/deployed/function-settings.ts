// Every setting of a Lambda function that the action knows, one row each: plans, the request that creates a function, the way back after a
// failed check and the history all go by this table. A new setting is a row here and an input. Environment variables, which are merged
// and never shown, are planned in plan/environment-variables.ts. Pure.
import type { Architecture, CreateFunctionCommandInput, FunctionConfiguration, Runtime } from '@aws-sdk/client-lambda';
import type { Configuration } from '../aws/function.ts';
import { CLEAR, type Clearable, type Inputs } from '../inputs/inputs.ts';
import type { Shown } from '../shown.ts';

/** How Lambda calls the package. */
export const HANDLER = 'index.handler';

/** s: the timeout of a new function where the input is not set. */
export const TIMEOUT_ON_CREATE = 60;

/** Fields of a request that creates a function; those but `Architectures` are fields of an update of its configuration too. */
export type SettingsRequest = Omit<CreateFunctionCommandInput, 'FunctionName' | 'Code' | 'Role'> & { Role?: string };

/** One setting. `Value` is the same for the input and for what AWS shows, so that the two can be compared. */
export interface Setting<Value = unknown> {
  /** The value of the inputs, merged over what AWS shows; undefined: not set, and the function's own stays. */
  readonly wanted: (inputs: Inputs, shown: FunctionConfiguration) => Value | undefined;
  /** The value that AWS shows; where it shows none, AWS's default. */
  readonly read: (shown: FunctionConfiguration) => Value | undefined;
  readonly request: (value: Value) => SettingsRequest;
  /** As AWS shows it; absent: as `request` has it. */
  readonly configuration?: (value: Value) => FunctionConfiguration;
  /** As plans show it, by the name of the input. */
  readonly show: (value: Value | undefined) => Readonly<Record<string, Shown | undefined>>;
  /** The value of a new function where no input is set. */
  readonly onCreate?: Value;
  /** Part of the update of the package, not of the configuration. */
  readonly withCode?: true;
  /** Why it is set, where no input sets it. */
  readonly reason?: (inputs: Inputs) => string | undefined;
}

const RUNTIME = 'nodejs24.x';
const PACKAGE_NEEDS_IT = 'the package needs it';

/** A row, whose values only it knows. */
const row = <Value>(setting: Setting<Value>): Setting => setting as unknown as Setting;

/** The value, or `empty` where the word `none` clears it. */
const cleared = <Value>(value: Clearable<Value> | undefined, empty: Value): Value | undefined => (value === CLEAR ? empty : value);
const orNone = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
const sorted = (values: readonly string[] | undefined): string[] => [...(values ?? [])].sort();
const runsPackage = (runtime: string): boolean => Number(/^nodejs(\d+)\.x$/.exec(runtime)?.[1] ?? 0) >= 22;

/** AWS shows a `VpcId` beside what a request has, lists in any order, and empty lists for a function that left its VPC. */
interface Vpc {
  readonly subnets: readonly string[];
  readonly groups: readonly string[];
}

/** In the order in which plans show them. Defaults on create are this product's, save that of ephemeral storage, which is AWS's. */
export const SETTINGS: readonly Setting[] = [
  row<string>({
    wanted: () => HANDLER,
    read: ({ Handler }) => Handler,
    request: (Handler) => ({ Handler }),
    show: (value) => ({ handler: value }),
    reason: () => PACKAGE_NEEDS_IT,
  }),
  row<number>({
    wanted: ({ memorySize }) => memorySize,
    read: ({ MemorySize }) => MemorySize,
    request: (MemorySize) => ({ MemorySize }),
    show: (value) => ({ 'memory-size': value }),
    onCreate: 128,
  }),
  row<number>({
    wanted: ({ timeout }) => timeout,
    read: ({ Timeout }) => Timeout,
    request: (Timeout) => ({ Timeout }),
    show: (value) => ({ timeout: value }),
    onCreate: TIMEOUT_ON_CREATE,
  }),
  row<number>({
    wanted: ({ ephemeralStorage }) => ephemeralStorage,
    // Absent in a history that a former release wrote, which says nothing of it: then the function's own stays.
    read: ({ EphemeralStorage }) => EphemeralStorage?.Size,
    request: (Size) => ({ EphemeralStorage: { Size } }),
    show: (value) => ({ 'ephemeral-storage': value }),
  }),
  row<string>({
    // A function not deployed by this action may be Python.
    wanted: ({ runtime }, { Runtime: shown }) => runtime ?? (shown === undefined || runsPackage(shown) ? undefined : RUNTIME),
    read: (shown) => shown.Runtime,
    request: (value) => ({ Runtime: value as Runtime }),
    show: (value) => ({ runtime: value }),
    onCreate: RUNTIME,
    reason: ({ runtime }) => (runtime === undefined ? PACKAGE_NEEDS_IT : undefined),
  }),
  row<Architecture>({
    wanted: ({ architecture }) => architecture,
    read: ({ Architectures: [architecture] = ['x86_64'] }) => architecture,
    request: (value) => ({ Architectures: [value] }),
    show: (value) => ({ architecture: value }),
    onCreate: 'arm64',
    withCode: true,
  }),
  row<string>({
    wanted: ({ role }) => role,
    read: ({ Role }) => Role,
    request: (Role) => ({ Role }),
    show: (value) => ({ role: value }),
  }),
  row<string>({
    wanted: ({ description }) => cleared(description, ''),
    read: ({ Description }) => Description ?? '',
    request: (Description) => ({ Description }),
    show: (value) => ({ description: orNone(value) }),
  }),
  row<Vpc>({
    wanted: ({ subnetIds, securityGroupIds }, { VpcConfig }) => {
      const subnets = cleared(subnetIds, []);
      if (subnets === undefined) return undefined;
      const groups = subnets.length === 0 ? [] : (cleared(securityGroupIds, []) ?? VpcConfig?.SecurityGroupIds ?? []);
      return { subnets: sorted(subnets), groups: sorted(groups) };
    },
    read: ({ VpcConfig }) => ({ subnets: sorted(VpcConfig?.SubnetIds), groups: sorted(VpcConfig?.SecurityGroupIds) }),
    request: ({ subnets, groups }) => ({ VpcConfig: { SubnetIds: [...subnets], SecurityGroupIds: [...groups] } }),
    show: (value) => ({ 'subnet-ids': value?.subnets, 'security-group-ids': value?.groups }),
  }),
  row<readonly string[]>({
    wanted: ({ layers }) => cleared(layers, []),
    read: ({ Layers }) => (Layers ?? []).flatMap(({ Arn }) => Arn ?? []),
    request: (value) => ({ Layers: [...value] }),
    configuration: (value) => ({ Layers: value.map((Arn) => ({ Arn })) }),
    show: (value) => ({ layers: value }),
  }),
  row<string>({
    wanted: ({ kmsKeyArn }) => cleared(kmsKeyArn, ''),
    read: ({ KMSKeyArn }) => KMSKeyArn ?? '',
    request: (KMSKeyArn) => ({ KMSKeyArn }),
    show: (value) => ({ 'kms-key-arn': orNone(value) }),
  }),
  row<'Active' | 'PassThrough'>({
    wanted: ({ tracing }) => tracing,
    read: ({ TracingConfig }) => TracingConfig?.Mode ?? 'PassThrough',
    request: (Mode) => ({ TracingConfig: { Mode } }),
    show: (value) => ({ tracing: value }),
  }),
];

/** The settings of a new function: the inputs, else the defaults; empty settings are not sent. */
export function settingsOnCreate(inputs: Inputs): { setting: Setting; value: unknown; isDefault: boolean }[] {
  return SETTINGS.flatMap((setting) => {
    const wanted = setting.wanted(inputs, {});
    const value = wanted ?? setting.onCreate;
    const isEmpty = value === undefined || Object.values(setting.show(value)).every((one) => one === undefined || isEmptyList(one));
    return isEmpty ? [] : [{ setting, value, isDefault: wanted === undefined }];
  });
}

const isEmptyList = (value: Shown): boolean => Array.isArray(value) && value.length === 0;

/** The configuration of a function as the history keeps it: everything but the environment variables, whose values belong in no file. */
export type RecordedConfiguration = Omit<FunctionConfiguration, 'Environment'>;

/** The part of a configuration that the history keeps: all settings, with AWS's defaults for those that it does not show. */
export function recordConfiguration(from: FunctionConfiguration): RecordedConfiguration {
  return SETTINGS.reduce<RecordedConfiguration>((recorded, setting) => {
    const value = setting.read(from);
    return value === undefined ? recorded : { ...recorded, ...configurationOf(setting, value) };
  }, {});
}

/** A setting as AWS shows it. */
export function configurationOf(setting: Setting, value: unknown): FunctionConfiguration {
  return setting.configuration?.(value) ?? (setting.request(value) as FunctionConfiguration);
}

/** A setting as an update of the configuration has it. */
export const updateOf = (setting: Setting, value: unknown): Configuration => setting.request(value);
