// Events for the measurements: items as shops and apps have them, about a kilobyte each, every one different.
import { streamRecord } from '../handler/records.ts';

/** About 900 bytes of DynamoDB's JSON. */
export function item(n: number): Record<string, Record<string, unknown>> {
  return {
    pk: { S: `customer-${n % 1000}` },
    sk: { N: String(n) },
    status: { S: ['placed', 'paid', 'packed', 'sent'][n % 4] },
    total: { N: `${n % 977}.${10 + (n % 89)}` },
    paid: { BOOL: n % 2 === 0 },
    placedAt: { S: new Date(1_700_000_000_000 + n * 1000).toISOString() },
    address: {
      M: {
        street: { S: `Street ${n}` },
        city: { S: 'Ghent' },
        zip: { S: String(9000 + (n % 100)) },
        geo: { M: { lat: { N: '51.05' }, lon: { N: '3.71' } } },
      },
    },
    lines: {
      L: Array.from({ length: 3 }, (_, i) => ({
        M: { sku: { S: `sku-${(n * 7 + i) % 5000}` }, quantity: { N: String(1 + i) }, price: { N: `${i}.95` } },
      })),
    },
    tags: { SS: ['web', `campaign-${n % 20}`] },
    note: { S: 'x'.repeat(300) },
    nothing: { NULL: true },
  };
}

/** A small item: with its keys and the rest of its record about 600 bytes, so that 10,000 fill Lambda's limit of 6 MB. */
export function smallItem(n: number): Record<string, Record<string, unknown>> {
  return { pk: { S: `c-${n % 1000}` }, sk: { N: String(n) }, total: { N: `${n % 977}.5` }, note: { S: 'x'.repeat(95) } };
}

/** The view type of a stream: `NEW_AND_OLD_IMAGES`, which most tables have, or `NEW_IMAGE`. */
export const VIEWS = { NEW_AND_OLD_IMAGES: 'changes with both images', NEW_IMAGE: 'changes with the new image alone' } as const;
export type View = keyof typeof VIEWS;

/** One event of `size` changes, as Lambda's runtime gets it, which parses it. */
export function event(table: string, size: number, from = 0, view: View = 'NEW_AND_OLD_IMAGES', make = item): string {
  const records = Array.from({ length: size }, (_, i) => {
    const image = make(from + i);
    const old = { ...image, status: { S: 'new' } };
    const keys = { pk: image.pk ?? {}, sk: image.sk ?? {} };
    return streamRecord({ table, event: 'MODIFY', keys, image, ...(view === 'NEW_IMAGE' ? {} : { old }) });
  });
  return JSON.stringify({ Records: records });
}
