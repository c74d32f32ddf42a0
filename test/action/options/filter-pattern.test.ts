import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { checkPattern } from '../../../action/options/filter-pattern.ts';
import { pathText } from '../../../action/options/parse.ts';

const check = (yaml: string): ReturnType<typeof checkPattern> => checkPattern(parse(yaml) as Record<string, unknown>);
const problems = (yaml: string): string[] => check(yaml).problems.map(({ path, message }) => `${pathText(path)}: ${message}`);

describe('an event pattern that Lambda accepts', () => {
  // The examples of "Filter rule syntax" and of "Using event filtering with a DynamoDB event source" in Lambda's documentation.
  test.each([
    'eventName: [INSERT]',
    'eventName: [INSERT, MODIFY]',
    'UserID: [null]',
    'LastName: [""]',
    'Name: [{ equals-ignore-case: alice }]',
    '{ Location: [New York], Day: [Monday] }',
    'PaymentType: [Credit, Debit]',
    '$or: [{ Location: [New York] }, { Day: [Monday] }]',
    'dynamodb: { $or: [{ Keys: { pk: { S: [{ prefix: A }] } } }, { NewImage: { type: { S: [order] } } }] }',
    'a: [x]\n$or: [{ b: [y] }, { c: [z], $or: [{ d: [1] }, { e: [2] }] }]',
    'Weather: [{ anything-but: [Raining] }]',
    'Weather: [{ anything-but: Raining }]',
    'Code: [{ anything-but: [1, 2] }]',
    'Code: [{ anything-but: 404 }]',
    'Weather: [{ anything-but: { prefix: R } }]',
    'Weather: [{ anything-but: { suffix: [g, h] } }]',
    'Price: [{ numeric: ["=", 100] }]',
    'Price: [{ numeric: [">", 10, "<=", 20] }]',
    'Price: [{ numeric: [">=", -5000000000, "<", 5e9] }]',
    'Price: [{ numeric: ["<", 1.5] }]',
    'ProductName: [{ exists: true }]',
    'ProductName: [{ exists: false }]',
    'Region: [{ prefix: us- }]',
    'Region: [{ prefix: { equals-ignore-case: us- } }]',
    'FileName: [{ suffix: .png }]',
    'mixed: [a, 1, true, false, null, { prefix: b }]',
    'account: [123456789012345]',
    '{ dynamodb: { NewImage: { age: { N: ["21"] }, prefix: { S: [x] } } } }',
    'prefix: [a]',
  ])('%s is accepted', (yaml) => {
    expect(check(yaml)).toEqual({ problems: [], warnings: [] });
  });
});

describe('an event pattern that Lambda refuses', () => {
  test.each([
    ['eventName: INSERT', 'eventName: expected a list of the values that match, as [INSERT], found "INSERT"'],
    ['eventName:', 'eventName: expected a list of the values that match, as [null], found nothing'],
    ['a: { b: 5 }', 'a.b: expected a list of the values that match, as [5], found 5'],
    [
      'eventName: { prefix: I }',
      'eventName: expected a list of the values that match, found the operator prefix alone; to compare, write a list: [{ prefix: … }]',
    ],
    ['a: true', 'a: expected a list of the values that match, as [true], found true'],
    ['{}', ': expected at least one field, found an empty object'],
    ['a: {}', 'a: expected at least one field, found an empty object'],
    ['a: []', 'a: expected at least one value that matches, found an empty list; [null] matches null'],
    ['a: [[x]]', 'a[0]: expected a text, a number, true, false, null or an operator, found a list'],
    ['a: [.inf]', 'a[0]: expected a number that JSON has, found Infinity'],
    ['a: [{}]', 'a[0]: expected one operator, such as { prefix: A }, found 0'],
    ['a: [{ prefix: x, suffix: y }]', 'a[0]: expected one operator, such as { prefix: A }, found 2'],
    [
      'a: [{ starts-with: x }]',
      'a[0].starts-with: unknown operator; expected prefix, suffix, equals-ignore-case, anything-but, numeric, exists',
    ],
    ['a: [{ Prefix: x }]', 'a[0].Prefix: unknown operator; expected prefix, suffix, equals-ignore-case, anything-but, numeric, exists'],
    ['a: [{ prefix: 5 }]', 'a[0].prefix: expected a text, found 5'],
    ['a: [{ prefix: [x] }]', 'a[0].prefix: expected a text, found ["x"]'],
    ['a: [{ suffix: null }]', 'a[0].suffix: expected a text, found nothing'],
    ['a: [{ equals-ignore-case: [x] }]', 'a[0].equals-ignore-case: expected a text, found ["x"]'],
    ['a: [{ exists: "true" }]', 'a[0].exists: expected true or false, found "true"'],
    ['a: [{ exists: [true] }]', 'a[0].exists: expected true or false, found [true]'],
    [
      'a: [{ anything-but: [] }]',
      'a[0].anything-but: expected a text, a number, a list of texts or of numbers, or { prefix: … }, found []',
    ],
    ['a: [{ anything-but: [x, 1] }]', expect.stringContaining('a[0].anything-but: expected a text')],
    ['a: [{ anything-but: [null] }]', expect.stringContaining('a[0].anything-but: expected a text')],
    ['a: [{ anything-but: true }]', expect.stringContaining('a[0].anything-but: expected a text')],
    ['a: [{ anything-but: { numeric: ["=", 1] } }]', expect.stringContaining('a[0].anything-but: expected a text')],
    ['a: [{ anything-but: { prefix: "" } }]', expect.stringContaining('a[0].anything-but: expected a text')],
    ['a: [{ anything-but: [{ prefix: x }] }]', expect.stringContaining('a[0].anything-but: expected a text')],
    ['a: [{ numeric: 5 }]', expect.stringContaining("a[0].numeric: expected a list as ['=', 5]")],
    ['a: [{ numeric: [] }]', expect.stringContaining('a[0].numeric: expected a list as')],
    ['a: [{ numeric: [">"] }]', expect.stringContaining('a[0].numeric: expected a list as')],
    ['a: [{ numeric: ["==", 5] }]', expect.stringContaining('a[0].numeric: expected a list as')],
    ['a: [{ numeric: ["=", "5"] }]', expect.stringContaining('a[0].numeric: expected a list as')],
    ['a: [{ numeric: ["<", 5, ">", 1] }]', expect.stringContaining('a[0].numeric: expected a list as')],
    ['a: [{ numeric: ["=", 5, "<", 9] }]', expect.stringContaining('a[0].numeric: expected a list as')],
    ['a: [{ numeric: [">", 1, "<", 5, "<", 6] }]', expect.stringContaining('a[0].numeric: expected a list as')],
    ['a: [{ numeric: [">", 5, "<", 5] }]', 'a[0].numeric: expected a lower bound that is less than the upper one, found [">",5,"<",5]'],
    ['a: [{ numeric: ["=", 5000000001] }]', expect.stringContaining('a[0].numeric: expected numbers from -5000000000 to 5000000000')],
    ['$or: [{ a: [x] }]', '$or: expected a list of at least two objects, found a list of 1'],
    ['$or: { a: [x], b: [y] }', expect.stringContaining('$or: expected a list of at least two objects')],
    ['$or: [x, y]', '$or: expected a list of at least two objects, found ["x","y"]'],
    ['$or: [{ a: x }, { b: [y] }]', '$or[0].a: expected a list of the values that match, as [x], found "x"'],
    ['$or: [{ prefix: [x] }, { b: [y] }]', '$or[0].prefix: inside $or no field may be called prefix'],
    ['$or: [{ a: { numeric: [x] } }, {}]', expect.stringContaining('$or[0].a.numeric: inside $or')],
  ])('%s is refused', (yaml, message) => {
    expect(problems(yaml)[0]).toEqual(message);
  });

  test('is refused where its JSON is longer than Lambda accepts', () => {
    expect(problems(`a: ["${'x'.repeat(4086)}"]`)).toEqual([]);
    expect(problems(`a: ["${'x'.repeat(4087)}"]`)).toEqual([': expected at most 4096 characters as JSON, found 4097']);
  });

  test.each([
    [
      `Pattern: '{"eventName":["INSERT"]}'`,
      'Pattern: here the pattern itself is the entry of the list, without Pattern around it: write - {"eventName":["INSERT"]}',
    ],
    [
      'pattern: { eventName: [INSERT] }',
      'pattern: here the pattern itself is the entry of the list, without pattern around it: write - {"eventName":["INSERT"]}',
    ],
    [
      `Pattern: '{"eventName":"INSERT"}'`,
      'Pattern: here the pattern itself is the entry of the list, without Pattern around it: write - eventName: [INSERT]',
    ],
    [
      'Pattern: "{eventName: [INSERT]}"',
      'Pattern: here the pattern itself is the entry of the list, without Pattern around it and as an object, not as its text: write - eventName: [INSERT]',
    ],
    [
      'Filters: [{ Pattern: x }]',
      'Filters: here the pattern itself is the entry of the list, without Filters around it: write - eventName: [INSERT]',
    ],
  ])('%s, as Lambda’s own API has it, is explained', (yaml, message) => {
    expect(problems(yaml)).toEqual([message]);
  });
});

test.each([
  ['dynamodb: { NewImage: { age: { N: [21] } } }', 'dynamodb.NewImage.age.N', 'DynamoDB writes numbers as texts'],
  ['dynamodb: { NewImage: { age: { N: [{ numeric: [">", 1] }] } } }', 'dynamodb.NewImage.age.N', 'DynamoDB writes numbers as texts'],
  ['a: [{ wildcard: "x*" }]', 'a[0].wildcard', 'Lambda documents no operator wildcard'],
  ['eventName: { prefix: [I] }', 'eventName', 'prefix is read as the name of a field here'],
])('%s draws a warning', (yaml, path, message) => {
  const { problems: none, warnings } = check(yaml);
  expect(none).toEqual([]);
  expect(warnings).toHaveLength(1);
  expect(pathText(warnings[0]?.path ?? [])).toBe(path);
  expect(warnings[0]?.message).toContain(message);
});
