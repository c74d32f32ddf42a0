import { describe, expect, test } from '@jest/globals';
import type { FunctionConfig, TableOptions } from '../../formats/function-config.ts';
import { optionsOf, Tables } from '../../handler/tables.ts';

const config = (defaults: TableOptions, tables: Readonly<Record<string, TableOptions>>): FunctionConfig => ({
  format: 1,
  release: '1.0.0',
  environment: 'STAGE',
  endpoint: 'https://search.example.com',
  auth: { type: 'none' },
  options: { defaults, tables },
});

describe('the options of a table', () => {
  test('are its own over the defaults', () => {
    const input = config({ refresh: false, versioning: 'none' }, { Orders: { refresh: true } });
    expect(optionsOf(input, 'Orders')).toEqual({ refresh: true, versioning: 'none' });
    expect(optionsOf(input, 'constructor')).toEqual({ refresh: false, versioning: 'none' });
  });

  test('hold its own include or exclude alone, whichever the defaults have', () => {
    const input = config({ include: ['a'] }, { Orders: { exclude: ['secret'] }, Users: { include: ['b'] }, Other: { refresh: true } });
    expect(optionsOf(input, 'Orders')).toEqual({ exclude: ['secret'] });
    expect(optionsOf(input, 'Users')).toEqual({ include: ['b'] });
    expect(optionsOf(input, 'Other')).toEqual({ include: ['a'], refresh: true });
  });
});

describe('options of a table in another case', () => {
  test('are not applied, which is warned of once per table and start', () => {
    const lines: unknown[] = [];
    const input = config({}, { orders: { exclude: ['card'] }, Users: { exclude: ['card'] }, users: {} });
    const tables = new Tables(input, {}, new Map(), { warn: (message, fields) => lines.push({ message, ...fields }) });
    for (const name of ['Orders', 'Orders', 'ORDERS', 'orders', 'Users', 'users', 'Other']) tables.get(name);
    const message = expect.stringMatching(/in another case.*exclude.*not applied.*operation: deploy/) as unknown;
    expect(lines).toEqual([
      { message, table: 'Orders', options: 'tables.orders' },
      { message, table: 'ORDERS', options: 'tables.orders' },
    ]);
    expect(tables.get('Orders').project).toBeUndefined();
    expect(tables.get('orders').project).toBeDefined();
  });
});
