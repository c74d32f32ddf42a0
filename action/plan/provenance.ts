// The provenance of each value in a plan, as the plan's reasons name it.
import { parseObjectLocation } from '../inputs/aws-rules.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Options } from '../options/options.ts';

/** The word for a value that is not set. */
export const DEFAULT = 'default';
/** The reason for a value that an input sets. */
export const INPUT = 'set by the input';

export interface Provenance {
  readonly endpoint: string;
  /** Undefined: there is no options file. */
  readonly options: string | undefined;
  /** Whether the place of dead letters is the default. */
  readonly defaultDeadLetters: boolean;
}

/** The provenance of a package that this run makes. */
export function provenanceOf(
  { endpoint, endpointFile, codeBucket, config }: Pick<Inputs, 'endpoint' | 'endpointFile' | 'codeBucket' | 'config'>,
  { defaults }: Pick<Options, 'defaults'>,
): Provenance {
  const { bucket = codeBucket ?? '', key = endpointFile } = parseObjectLocation(endpointFile) ?? {};
  return {
    endpoint: endpoint === undefined ? `the endpoint file s3://${bucket}/${key}` : 'the input endpoint',
    options: optionsSource(config),
    defaultDeadLetters: defaults['dead-letters'] === undefined,
  };
}

/** @param config as the input names the options file */
export function optionsSource(config: string | undefined): string | undefined {
  return config === undefined ? undefined : `the options file ${config}`;
}
