import { describe, expect, test } from '@jest/globals';
import {
  EMPTY,
  formerPackage,
  hasPassed,
  historyText,
  parseHistory,
  rolledBackTo,
  withServing,
  type History,
  type PackageRecord,
} from '../../../action/deployed/package-history.ts';
import { recordConfiguration } from '../../../action/deployed/function-settings.ts';

const hex = (name: string): string => name.repeat(64).slice(0, 64);
const record = (name: string, checked = true): PackageRecord => ({
  sha256: hex(name),
  release: '1',
  environment: 'STAGE',
  deployedAt: '2026-11-22T00:00:00.000Z',
  checked,
  configuration: recordConfiguration({ MemorySize: 128 }),
});
const of = (...names: string[]): History => ({ format: 1, pending: false, packages: names.map((name) => record(name)) });
const names = ({ packages }: History): string => packages.map(({ sha256 }) => sha256[0]).join('');

describe('the history of packages', () => {
  test('begins with the package that serves, and contains each deploy once', () => {
    expect(names(withServing(of('b', 'a'), record('c')))).toBe('cba');
    expect(names(withServing(of('b', 'a'), record('b')))).toBe('ba');
    expect(names(withServing(of('b', 'a'), record('a')))).toBe('aba');
    expect(names(withServing(of('b', 'a'), record('c'), hex('b')))).toBe('ca');
    expect(withServing({ ...of('a'), pending: true }, record('b')).pending).toBe(false);
  });

  test('goes one further with each rollback', () => {
    let history = of('d', 'c', 'b', 'a');
    for (const expected of ['cba', 'ba', 'a']) {
      const former = formerPackage(history, history.packages[0]?.sha256 ?? '');
      history = rolledBackTo(history, former ?? record('x'));
      expect(names(history)).toBe(expected);
    }
    expect(formerPackage(history, hex('a'))).toBeUndefined();
    expect(names(rolledBackTo(history, record('d')))).toBe('da');
  });

  test('goes back to the package it knows when someone else put a package in place', () => {
    expect(formerPackage(of('b', 'a'), hex('f'))?.sha256).toBe(hex('b'));
  });

  test('says that a package passed only where it serves, was checked, and no change is under way', () => {
    expect(hasPassed(of('a'), hex('a'))).toBe(true);
    expect(hasPassed(of('b', 'a'), hex('a'))).toBe(false);
    expect(hasPassed({ ...of('a'), pending: true }, hex('a'))).toBe(false);
    expect(hasPassed({ ...EMPTY, packages: [record('a', false)] }, hex('a'))).toBe(false);
  });

  test('is written and read, contains no variable, and counts as none where it cannot be read', () => {
    const history = withServing(of('a'), {
      ...record('b'),
      configuration: recordConfiguration({ Environment: { Variables: { TOKEN: 'hidden' } }, Layers: [{ Arn: 'l', CodeSize: 1 }] }),
    });
    expect(historyText(history)).not.toMatch(/TOKEN|hidden|CodeSize/);
    expect(parseHistory(historyText(history))).toEqual(history);
    for (const text of [undefined, '', 'null', '[]', '{"format":2,"packages":[]}', '{"format":1}'])
      expect(parseHistory(text)).toEqual(EMPTY);
    const uncertain: History = { ...of('a'), pending: true, variables: ['LEVEL'] };
    expect(parseHistory(historyText(uncertain))).toEqual(uncertain);
    expect(parseHistory('{"format":1,"packages":[],"variables":[1]}')).toEqual(EMPTY);
    expect(parseHistory('{"format":1,"pending":true,"packages":[{"sha256":"../../x"}]}')).toEqual({
      format: 1,
      pending: true,
      packages: [],
    });
  });
});
