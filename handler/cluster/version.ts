// A cluster's distribution and version.

/** Empty if the cluster does not report it. */
export interface Cluster {
  /** `opensearch` or `elasticsearch`. */
  readonly distribution?: string;
  /** `2.19.6` */
  readonly version?: string;
}

/** Reads the response to `GET /`. */
export function clusterOf(text: string): Cluster {
  try {
    const { version } = JSON.parse(text) as { version?: { number?: unknown; distribution?: unknown } };
    if (typeof version?.number !== 'string') return {};
    return { distribution: typeof version.distribution === 'string' ? version.distribution : 'elasticsearch', version: version.number };
  } catch {
    return {};
  }
}

/**
 * Whether `index.mapping.ignore_malformed` applies to booleans too: for all types from OpenSearch 2.4 on (its FieldMapper), for this one
 * from Elasticsearch 8.8 on (its BooleanFieldMapper). Not if the cluster does not report its version.
 */
export function takesMalformedBooleans({ distribution, version = '' }: Cluster): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  // An OpenSearch that passes for Elasticsearch 7.10 for the sake of old clients may be an old one itself.
  if (distribution === 'opensearch') return (major === 2 && minor >= 4) || (major > 2 && major < 7);
  return distribution === 'elasticsearch' && (major > 8 || (major === 8 && minor >= 8));
}
