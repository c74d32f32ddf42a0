/** The service and region in the name of one of Amazon's search hosts. */
export interface AmazonHost {
  /** For signing: `aoss` is OpenSearch Serverless. */
  readonly service: 'es' | 'aoss';
  readonly region: string | undefined;
}

const SUFFIXES = ['.amazonaws.com', '.amazonaws.com.cn', '.on.aws', '.on.amazonwebservices.com.cn'];
const SERVICES: Readonly<Record<string, 'es' | 'aoss'>> = { es: 'es', aos: 'es', aoss: 'aoss' };

/**
 * Service and region of a host that Amazon names: `….eu-west-1.es.amazonaws.com` (`.cn` in China), `….eu-west-1.aoss.amazonaws.com`,
 * and the dual-stack hosts `….aos.eu-west-1.on.aws`; with `-fips` too. Undefined for any other host, a custom name of a domain
 * included.
 */
export function amazonHost(host: string): AmazonHost | undefined {
  const suffix = SUFFIXES.find((one) => host.endsWith(one));
  if (suffix === undefined) return undefined;
  // The first label is the domain's or collection's own name, which may look like anything.
  const labels = host.slice(0, -suffix.length).split('.').slice(1);
  const service = labels.map((label) => SERVICES[label.replace(/-fips$/, '')]).find((one) => one !== undefined);
  if (service === undefined) return undefined;
  return { service, region: labels.find((label) => /^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(label)) };
}
