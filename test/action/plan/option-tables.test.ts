import { describe, expect, test } from '@jest/globals';
import { toTrigger, type Trigger } from '../../../action/aws/triggers.ts';
import { NO_OPTIONS, type Options } from '../../../action/options/options.ts';
import { namedTables, optionTableProblems, uncheckedTablesWarning, unknownTables } from '../../../action/plan/option-tables.ts';

const trigger = (table: string): Trigger =>
  toTrigger({
    UUID: 'uuid-1',
    EventSourceArn: `arn:aws:dynamodb:eu-west-1:123456789012:table/${table}/stream/2026-11-01T00:00:00.000`,
    FunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:Fn',
  });
const optionsFor = (...names: string[]): Options => ({
  ...NO_OPTIONS,
  tables: Object.fromEntries(names.map((name) => [name, { exclude: ['card'] }])),
  tablePlaces: Object.fromEntries(names.map((name, at) => [name, { file: 'search.yml', line: at + 2 }])),
});

describe('a table of the options', () => {
  test('is one that the input tables or a trigger names', () => {
    const known = namedTables({ tables: ['Orders'] }, [trigger('Customers'), trigger('Orders')]);
    expect(known).toEqual(['Customers', 'Orders']);
    expect(optionTableProblems(optionsFor('Orders', 'Customers'), known)).toEqual([]);
  });

  test.each(['orders', 'ORDERS', 'Order', 'Ordrs', 'Oders'])('that is called %s where the table is Orders is an error', (name) => {
    expect(optionTableProblems(optionsFor(name), ['Customers', 'Orders'])).toEqual([
      {
        where: `tables.${name}`,
        message: `tables.${name}: this deploy has no table ${name}; did you mean Orders? Names of tables are exact, and options under another name are not applied`,
        place: { file: 'search.yml', line: 2 },
      },
    ]);
  });

  test('that resembles none is an error that names those there are', () => {
    const [problem] = optionTableProblems(optionsFor('Invoices'), ['Customers', 'Orders']);
    expect(problem?.message).toMatch(
      /^tables\.Invoices: this deploy has no table Invoices; .* names it, but Customers, Orders\. .*environments/,
    );
  });

  test('in another case goes before one that differs by a letter', () => {
    expect(unknownTables(['orders'], ['order', 'Orders'])).toEqual([{ name: 'orders', near: 'Orders' }]);
  });

  test('cannot be checked while no table is known, and draws a warning', () => {
    const options = optionsFor('orders');
    expect(optionTableProblems(options, [])).toEqual([]);
    expect(uncheckedTablesWarning(options, []).map(({ message }) => message)).toEqual([
      expect.stringContaining('The options file names orders, and neither the input tables nor a trigger names a table yet'),
    ]);
    expect(uncheckedTablesWarning(options, ['Orders'])).toEqual([]);
    expect(uncheckedTablesWarning(NO_OPTIONS, [])).toEqual([]);
  });
});
