import { expect, test } from '@jest/globals';
import { clusterOf, takesMalformedBooleans } from '../../../handler/cluster/version.ts';

test.each([
  ['opensearch', '1.3.20', false],
  ['opensearch', '2.3.0', false],
  ['opensearch', '2.4.1', true],
  ['opensearch', '2.19.6', true],
  ['opensearch', '3.8.0', true],
  ['opensearch', '7.10.2', false],
  [undefined, '7.17.29', false],
  [undefined, '8.7.1', false],
  [undefined, '8.8.2', true],
  [undefined, '9.5.0', true],
  [undefined, 'x', false],
  ['other', '9.5.0', false],
])('booleans of %s %s beside other kinds: %s', (distribution, number, expected) => {
  expect(takesMalformedBooleans(clusterOf(JSON.stringify({ version: { number, distribution } })))).toBe(expected);
});

test.each(['', '{}', '[]', 'null', '{"version":"9.5.0"}', '<html>'])('%j says nothing of a cluster', (text) => {
  expect(clusterOf(text)).toEqual({});
  expect(takesMalformedBooleans({})).toBe(false);
});
