/** Every value of the input `operation`. */
export const OPERATIONS = ['deploy', 'refresh-mapping', 'rollback', 'backfill', 'verify', 'redrive', 'reindex'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The operations on tables, which leave the function as it is. */
export type TableOperation = Extract<Operation, 'backfill' | 'verify' | 'redrive'>;
