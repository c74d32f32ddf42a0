// Addresses of the AWS services that the function calls.

export type Service = 's3' | 'secretsmanager' | 'dynamodb';

/**
 * The DNS suffixes of AWS's partitions but the public one, by how the names of their regions begin; and, if Secrets Manager has its
 * dual stack addresses under another suffix, that one.
 */
const SUFFIXES: readonly (readonly [region: RegExp, suffix: string, dualStack?: string])[] = [
  [/^cn-/, 'amazonaws.com.cn'],
  [/^eusc-/, 'amazonaws.eu', 'api.amazonwebservices.eu'],
  [/^us-iso-/, 'c2s.ic.gov', 'api.aws.ic.gov'],
  [/^us-isob-/, 'sc2s.sgov.gov', 'api.aws.scloud'],
  [/^eu-isoe-/, 'cloud.adc-e.uk', 'api.cloud-aws.adc-e.uk'],
  [/^us-isof-/, 'csp.hci.ic.gov', 'api.aws.hci.ic.gov'],
];

const OWN_ENDPOINT = {
  s3: 'AWS_ENDPOINT_URL_S3',
  secretsmanager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
} as const;
const isTrue = (value: string | undefined): boolean => value?.toLowerCase() === 'true';

/** An empty variable counts as not set, as for the AWS SDKs. */
const set = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

/** The region of the function. */
export const ownRegion = (env: NodeJS.ProcessEnv): string => set(env.AWS_REGION) ?? set(env.AWS_DEFAULT_REGION) ?? 'us-east-1';

/** The address that the environment sets for a service, as the AWS SDKs read it ("Service-specific endpoints"). */
export function configuredEndpoint(service: Service, env: NodeJS.ProcessEnv): URL | undefined {
  if (isTrue(env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS)) return undefined;
  const own = set(env[OWN_ENDPOINT[service]]);
  const configured = own ?? set(env.AWS_ENDPOINT_URL);
  if (configured === undefined) return undefined;
  const url = URL.parse(configured);
  if (url === null) throw new Error(`${own === undefined ? 'AWS_ENDPOINT_URL' : OWN_ENDPOINT[service]} is not a URL`);
  return url;
}

/** The address of a service in a region, with FIPS and dual stack if the environment sets them as for the AWS SDKs. */
export function regionalEndpoint(service: Service, region: string, env: NodeJS.ProcessEnv): URL {
  const [, suffix = 'amazonaws.com', dualStackSuffix = suffix] = SUFFIXES.find(([pattern]) => pattern.test(region)) ?? [];
  const name = isTrue(env.AWS_USE_FIPS_ENDPOINT) ? `${service}-fips` : service;
  if (!isTrue(env.AWS_USE_DUALSTACK_ENDPOINT)) return new URL(`https://${name}.${region}.${suffix}`);
  return new URL(service === 's3' ? `https://${name}.dualstack.${region}.${suffix}` : `https://${name}.${region}.${dualStackSuffix}`);
}
