import { expect, test } from '@jest/globals';
import { unknownInputs, variablesOf } from '../../../action/inputs/variables.ts';

test('an input has the variable of GitHub’s runner, and one that a shell can export', () => {
  expect(variablesOf('dry-run')).toEqual(['INPUT_DRY-RUN', 'INPUT_DRY_RUN']);
  expect(variablesOf('tables')).toEqual(['INPUT_TABLES', 'INPUT_TABLES']);
});

test('a variable that names no input is found, with the nearest name, if one is near', () => {
  const env = { INPUT_TABELS: 'Orders', INPUT_DRY_RUN: 'true', 'INPUT_DRY-RUN': 'true', INPUT_COLOUR: 'blue', PATH: '/bin' };
  expect(unknownInputs(env, ['tables', 'dry-run'])).toEqual([
    { variable: 'INPUT_TABELS', near: 'INPUT_TABLES' },
    { variable: 'INPUT_COLOUR', near: undefined },
  ]);
});
