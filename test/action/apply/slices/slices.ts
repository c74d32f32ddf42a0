import type { PlannedSlice } from '../../../../action/apply/slices/run-store.ts';

/** So many slices of pass 1 over the table Orders. */
export const slices = (count: number): PlannedSlice[] =>
  Array.from({ length: count }, (_, segment) => ({
    kind: 'scan',
    id: `scan-${segment}`,
    mode: 'write',
    table: { name: 'Orders', keys: [{ name: 'id', type: 'S' }] },
    segment,
    totalSegments: count,
  }));
