// Errors that say nothing about the document: faults of the cluster, of the index or of their settings, whatever their status. If a stream
// treated them as malformed records, it would drain into the dead letters.
import type { ErrorLevel } from './engine-error.ts';

/** Causes of transient failures, one for each remedy. */
export type TransientCause =
  'busy' | 'memory' | 'disk' | 'write-block' | 'creation-block' | 'unavailable' | 'model' | 'network' | 'credentials' | 'unreadable';

/** The remedies for transient failures that last. */
export const TRANSIENT_REMEDIES: Readonly<Record<TransientCause, string>> = {
  busy: 'The cluster is busy: deploy again when it has less to do, or give it more capacity',
  memory: 'A circuit breaker of the cluster is open: give its nodes more memory, or let them do less at a time',
  disk: 'Free disk space on the nodes, or add some; then the cluster removes the block (before Elasticsearch 7.4: remove index.blocks.read_only_allow_delete)',
  'write-block':
    "Remove the write block: index.blocks.write or index.blocks.read_only from the index's settings, cluster.blocks.read_only from the cluster's",
  'creation-block':
    'The cluster blocks the creation of indexes: free disk space on its nodes, or remove the setting cluster.blocks.create_index',
  unavailable: "Check the cluster's health: nodes, shards that are not assigned, and disk space",
  model: "Check that the model that the index or its ingest pipeline names is deployed, and the cluster's machine learning nodes",
  network: 'Check the address in the endpoint file, and that the function can reach it (subnets, security groups)',
  credentials:
    'Check that the function can reach the service that stores its credentials (Secrets Manager, in a VPC by an endpoint or NAT)',
  unreadable: 'Check ES_ENDPOINT: the server at that address does not respond as a cluster does. If it is the cluster, check its health',
};

/** A fault that does not come from a document. */
export type Fault =
  { readonly kind: 'transient'; readonly cause: TransientCause } | { readonly kind: 'configuration'; readonly remedy: string };

const transient = (cause: TransientCause): Fault => ({ kind: 'transient', cause });
const configuration = (remedy: string): Fault => ({ kind: 'configuration', remedy });

export const PIPELINE =
  'Create the ingest pipeline, or remove it from the settings of the index or its template (index.default_pipeline, index.final_pipeline)';
const MODEL = 'Deploy the model that the index or its ingest pipeline names, and check its settings, or remove it from them';
const NAME = 'Give the table an index in the options file';
const NO_UPDATES = 'Give the table another index in the options file: documents of this one cannot be updated under their own ids';

/** Types that only the engine itself throws, whatever a document contains. */
const BY_TYPE = new Map<string, Fault>([
  ...['circuit_breaking_exception'].map((type) => [type, transient('memory')] as const),
  ...['es_rejected_execution_exception', 'opensearch_rejected_execution_exception', 'rejected_execution_exception'].map(
    (type) => [type, transient('busy')] as const,
  ),
  ['index_create_block_exception', transient('creation-block')],
  ...[
    'already_closed_exception',
    'cluster_manager_not_discovered_exception',
    'connect_transport_exception',
    'engine_closed_exception',
    'failed_to_commit_cluster_state_exception',
    'index_shard_closed_exception',
    'index_shard_not_recovering_exception',
    'index_shard_not_started_exception',
    'index_shard_recovering_exception',
    'master_not_discovered_exception',
    'no_shard_available_action_exception',
    'node_closed_exception',
    'node_disconnected_exception',
    'node_not_connected_exception',
    'not_cluster_manager_exception',
    'not_master_exception',
    'out_of_memory_error',
    'primary_missing_action_exception',
    'process_cluster_event_timeout_exception',
    'receive_timeout_transport_exception',
    'shard_not_found_exception',
    'shard_not_in_primary_mode_exception',
    'task_cancelled_exception',
    'translog_exception',
    'unavailable_shards_exception',
  ].map((type) => [type, transient('unavailable')] as const),
  ['m_l_limit_exceeded_exception', transient('model')],
  ['index_closed_exception', configuration('Open the index, or give the table another one in the options file')],
  ['invalid_index_name_exception', configuration(NAME)],
  ['invalid_alias_name_exception', configuration(NAME)],
  [
    'routing_missing_exception',
    configuration('Give the table an index whose mapping does not require routing (_routing: { required: true })'),
  ],
]);

/** Errors of a pipeline's own program: its reasons, and those of its causes, may be any text of a document. */
const QUOTING_ERRORS = new Set(['script_exception', 'fail_processor_exception']);
/** Errors whose own reason is about the document, even if a name in it has the words of another problem. Their causes are read. */
const DOCUMENT_ERRORS = new Set([
  'mapper_parsing_exception',
  'document_parsing_exception',
  'strict_dynamic_mapping_exception',
  'x_content_parse_exception',
  'json_parse_exception',
]);
/** Types of causes whose words are known: engines and plugins throw them because of their own state. */
const STATE_ERRORS = new Set(['illegal_argument_exception', 'illegal_state_exception', 'status_exception', '']);

/**
 * Matched by their beginning only: anything that a reason quotes of a document follows words of the engine. The words
 * before `circuit breaker` are plain words, so that no quotation can be among them.
 */
const BY_REASON: readonly (readonly [reason: RegExp, fault: Fault])[] = [
  [/^[a-z ,-]{0,120}\bcircuit breaker (?:is |has |was )?(?:open|triggered|tripped)\b/i, transient('memory')],
  [/^no space left on device/i, transient('disk')],
  [
    /^(?:no write index is defined|alias \[[^\]]*\] has more than one ind(?:ex|ices) associated)/i,
    configuration('Give the alias a write index (is_write_index: true)'),
  ],
  [
    /^only write ops with an op_type of create are allowed in data streams/i,
    configuration('A data stream cannot hold the state of a table: give the table an index or alias in the options file'),
  ],
  [
    /^cannot create index with name \[[^\]]*\], because it matches with template/i,
    configuration(
      'An index template makes data streams of this name, which cannot hold the state of a table: give the table another index in the options file, or change the index_patterns of the template',
    ),
  ],
  [
    /^document id is not supported/i,
    configuration('Use a collection of type search: time series and vector collections take no document ids'),
  ],
  [
    /^validation failed: 1: this action would add \[\d+\] (?:total |\w+ )?shards/i,
    configuration('Delete indexes or raise cluster.max_shards_per_node'),
  ],
  [
    /^number of documents in the (?:shard|index) can(?:not|'t) exceed/i,
    configuration('A shard of the index is full: give the table a new index with more primary shards in the options file'),
  ],
  [
    /^explicit index in (?:bulk|multi \w+) is not allowed/i,
    configuration('Set rest.action.multi.allow_explicit_index to true in the cluster: something between adds index names to the requests'),
  ],
  [
    /^rejecting mapping update to \[[^\]]*\] as the final mapping would have more than 1 type/i,
    configuration('The index has a mapping type of an older engine: give the table another index in the options file'),
  ],
  [/^(?:_id must be unset|operation \[\w+\] is not allowed (?:for append.only|with a custom))/i, configuration(NO_UPDATES)],
  [/^validation failed: 1: operation \[\w+\] is not allowed (?:for append.only|with a custom)/i, configuration(NO_UPDATES)],
  [/^(?:pipeline with id|pipeline processor configured for non-existent pipeline) \[/i, configuration(PIPELINE)],
  [
    /^(?:the )?(?:\w+ )?model (?:\[[^\]]*\] |with id \S{1,100} )?(?:is )?not (?:yet )?(?:ready|deployed|found|enabled|loaded|available)\b/i,
    configuration(MODEL),
  ],
  [/^model ["'[][^"'\]]{0,200}["'\]] (?:is not|must be|was not|has not|cannot be|from)\b/i, configuration(MODEL)],
  [/^(?:failed|unable) to (?:find|deploy|load) (?:the |a )?(?:\w+ )?(?:model|connector)\b/i, configuration(MODEL)],
  [/^(?:could not find|no known|no) (?:trained )?model\b/i, configuration(MODEL)],
  [/^inference (?:endpoint not found|id \[[^\]]*\] not found)/i, configuration(MODEL)],
  [/^(?:no eligible node found|no worker node|please deploy (?:the )?model first)/i, configuration(MODEL)],
  [/^must provide (?:pre|post)_process_function\b/i, configuration(MODEL)],
  [/^(?:remote inference is currently disabled|some parameter placeholder not filled)/i, configuration(MODEL)],
  [
    /^k-?nn plugin is disabled/i,
    configuration("Turn the k-NN plugin on (knn.plugin.enabled), or take the vector fields out of the index's mapping"),
  ],
];

/** A fault with the error of the chain that names it: those around it may quote the document. */
export interface FoundFault {
  readonly fault: Fault;
  readonly level: ErrorLevel;
}

/**
 * Finds a fault that does not come from the document in an error or its causes.
 * @returns undefined if the error is about the document, or not known
 */
export function faultOf(levels: readonly ErrorLevel[]): FoundFault | undefined {
  let isQuoted = false;
  for (const [depth, level] of levels.entries()) {
    const fault = BY_TYPE.get(level.type) ?? blockOf(level);
    if (fault !== undefined) return { fault, level };
    isQuoted ||= QUOTING_ERRORS.has(level.type);
    if (isQuoted || DOCUMENT_ERRORS.has(level.type) || (depth > 0 && !STATE_ERRORS.has(level.type))) continue;
    const known = BY_REASON.find(([reason]) => reason.test(level.reason));
    if (known !== undefined) return { fault: known[1], level };
  }
  return undefined;
}

/** The block that a `cluster_block_exception` names, by its number in the engines (ClusterBlock, IndexMetadata). */
function blockOf({ type, reason }: ErrorLevel): Fault | undefined {
  if (type !== 'cluster_block_exception') return undefined;
  const block = /\[[A-Z_]+\/(\d+)\//.exec(reason)?.[1];
  switch (block) {
    case '4':
      return BY_TYPE.get('index_closed_exception');
    case '10':
      return transient('creation-block');
    case '12':
      return transient('disk');
    case '1':
    case '2':
      return transient('unavailable');
    default:
      return transient('write-block');
  }
}
