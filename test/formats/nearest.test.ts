import { describe, expect, test } from '@jest/globals';
import { nearest } from '../../formats/nearest.ts';

describe('the nearest name', () => {
  test.each([
    ['idnex', ['include', 'index'], 'index'],
    ['refrehs', ['versioning', 'refresh'], 'refresh'],
    ['opne', ['open', 'close'], 'open'],
    ['ES_ENDPIONT', ['ES_ENDPOINT', 'ES_AUTH'], 'ES_ENDPOINT'],
    ['Include', ['include', 'exclude'], 'include'],
    ['deploi', ['deploy', 'rollback'], 'deploy'],
    ['ab', ['ba'], 'ba'],
  ])('of %s is found: two letters that changed places count as one slip', (word, names, expected) => {
    expect(nearest(word, names)).toBe(expected);
  });

  test('is none where nothing is near', () => {
    expect(nearest('apples', ['index', 'include'])).toBeUndefined();
    expect(nearest('ca', ['abc'])).toBeUndefined();
  });
});
