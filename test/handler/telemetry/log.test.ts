import { expect, test } from '@jest/globals';
import { consoleLog } from '../../../handler/telemetry/log.ts';

function logged(format: string | undefined): unknown[] {
  const calls: unknown[] = [];
  const take = (...parts: unknown[]): void => void calls.push(...parts);
  consoleLog({ info: take, warn: take, error: take }, format).warn('slow', { index: 'orders' });
  return calls;
}

test('a line is one JSON object', () => {
  expect(logged(undefined)).toEqual(['{"level":"warn","message":"slow","index":"orders"}']);
  expect(logged('Text')).toEqual(['{"level":"warn","message":"slow","index":"orders"}']);
});

test('where Lambda writes JSON itself it gets the fields, not a text with JSON in it', () => {
  expect(logged('JSON')).toEqual([{ message: 'slow', index: 'orders' }]);
});
