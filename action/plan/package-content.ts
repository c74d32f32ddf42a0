import type { FunctionConfig } from '../../formats/function-config.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Options } from '../options/options.ts';
import { RELEASE } from '../release.ts';

/** config.json of the package. */
export function functionConfig(
  { environment, codeBucket, functionName }: Inputs,
  { endpoint, auth, certificateAuthority }: Pick<FunctionConfig, 'endpoint' | 'auth' | 'certificateAuthority'>,
  options: Options,
): FunctionConfig {
  const place = codeBucket === undefined ? {} : { 'dead-letters': `s3://${codeBucket}/dead-letters/${functionName}` };
  return {
    format: 1,
    release: RELEASE,
    environment,
    endpoint,
    auth,
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    options: {
      defaults: { ...place, ...options.defaults },
      tables: options.tables,
      ...(options.onlyKnownTables === true ? { 'only-known-tables': true } : {}),
    },
  };
}
