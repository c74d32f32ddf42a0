// Where what a plan shows came from, in the words of its reasons.
import { parseObjectLocation } from '../inputs/aws-rules.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Options } from '../options/options.ts';

/** The word for a value that nobody gave. */
export const DEFAULT = 'default';
/** The reason for a value that an input gives. */
export const INPUT = 'as the input says';

export interface Sources {
  readonly endpoint: string;
  /** Undefined: there is no options file. */
  readonly options: string | undefined;
  /** Whether dead letters go where they go when nobody says. */
  readonly defaultDeadLetters: boolean;
}

/** The sources of a package that this run makes. */
export function sourcesOf(
  { endpoint, endpointFile, codeBucket, config }: Pick<Inputs, 'endpoint' | 'endpointFile' | 'codeBucket' | 'config'>,
  { defaults }: Pick<Options, 'defaults'>,
): Sources {
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
