import { describe, expect, test } from '@jest/globals';
import type { FunctionConfig, TableOptions } from '../../formats/function-config.ts';
import { optionsOf } from '../../handler/tables.ts';

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
    const given = config({ refresh: false, versioning: 'none' }, { Orders: { refresh: true } });
    expect(optionsOf(given, 'Orders')).toEqual({ refresh: true, versioning: 'none' });
    expect(optionsOf(given, 'constructor')).toEqual({ refresh: false, versioning: 'none' });
  });

  test('hold its own include or exclude alone, whichever the defaults have', () => {
    const given = config({ include: ['a'] }, { Orders: { exclude: ['secret'] }, Users: { include: ['b'] }, Other: { refresh: true } });
    expect(optionsOf(given, 'Orders')).toEqual({ exclude: ['secret'] });
    expect(optionsOf(given, 'Users')).toEqual({ include: ['b'] });
    expect(optionsOf(given, 'Other')).toEqual({ include: ['a'], refresh: true });
  });
});
