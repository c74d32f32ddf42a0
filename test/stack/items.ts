// Items of every attribute type, and the documents that they must become.
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;

const DIGITS_38 = '12345678901234567890123456789012345678';

/** Hash key `customer` (a string), range key `order` (a number). */
export const ORDER: Item = {
  customer: { S: 'alice' },
  order: { N: '1001' },
  title: { S: 'Two keyboards & a mouse — “gift”' },
  empty: { S: '' },
  total: { N: '149.90' },
  exact: { N: DIGITS_38 },
  tiny: { N: '-1.5E-100' },
  paid: { BOOL: true },
  coupon: { NULL: true },
  receipt: { B: new Uint8Array([0, 255, 128, 10]) },
  address: { M: { city: { S: 'Zürich' }, zip: { N: '8001' }, geo: { M: { lat: { N: '47.3769' }, verified: { BOOL: false } } } } },
  lines: {
    L: [{ M: { sku: { S: 'kb-1' }, quantity: { N: '2' } } }, { M: { sku: { S: 'ms-7' }, quantity: { N: '1' } } }],
  },
  mixed: { L: [{ N: '1' }, { S: 'two' }, { BOOL: true }] },
  tags: { SS: ['gift', 'express'] },
  ratings: { NS: ['4.5', '5'] },
  scans: { BS: [new Uint8Array([1]), new Uint8Array([2, 3])] },
};

/** The document of `ORDER` as text, since JavaScript's numbers would not hold its digits. Sets come in the order of the stream. */
export const ORDER_FIELDS: Readonly<Record<string, string>> = {
  customer: '"alice"',
  order: '1001',
  title: '"Two keyboards & a mouse — “gift”"',
  empty: '""',
  total: '149.9',
  exact: DIGITS_38,
  paid: 'true',
  coupon: 'null',
  receipt: '"AP+ACg=="',
  address: '{"city":"Zürich","zip":8001,"geo":{"lat":47.3769,"verified":false}}',
  lines: '[{"sku":"kb-1","quantity":2},{"sku":"ms-7","quantity":1}]',
  mixed: '["1","two","true"]',
};

/** Hash key `id` (a string). */
export const CUSTOMERS: readonly Item[] = [
  { id: { S: 'alice' }, name: { S: 'Alice Aebi' }, since: { N: '2019' }, vip: { BOOL: true }, languages: { SS: ['de', 'fr'] } },
  { id: { S: 'bob' }, name: { S: 'Bob Bächler' }, since: { N: '2021' }, vip: { BOOL: false }, languages: { SS: ['it'] } },
  { id: { S: 'carol' }, name: { S: 'Carol Caduff' }, since: { N: '2024' }, photo: { B: new Uint8Array([137, 80, 78, 71]) } },
];
