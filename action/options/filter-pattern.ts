// The event patterns of a trigger, as Lambda accepts them. Rules: "Filter rule syntax" of
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html, and where that is silent the compiler of
// https://github.com/aws/event-ruler, which Lambda's "Invalid filter pattern definition" comes from.
import { type Json, isObject } from '../../formats/json.ts';
import { quoted } from '../inputs/reader.ts';

/** A problem or a warning about one place of a pattern. */
export interface PatternNote {
  /** From the pattern on. */
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export interface PatternNotes {
  /** Lambda would refuse the pattern. */
  readonly problems: PatternNote[];
  /** Lambda may refuse it, or nothing would ever match. */
  readonly warnings: PatternNote[];
}

type Path = readonly PropertyKey[];

/** Characters of a pattern as JSON (https://docs.aws.amazon.com/lambda/latest/api/API_Filter.html). */
const MAX_PATTERN_CHARACTERS = 4096;
/** Either way from 0, as the compiler compares numbers. */
const MAX_NUMBER = 5e9;

/** Operators of Lambda's documentation, and those that the compiler knows beside them. */
const DOCUMENTED = ['prefix', 'suffix', 'equals-ignore-case', 'anything-but', 'numeric', 'exists'];
const UNDOCUMENTED = ['wildcard', 'cidr', 'exactly'];
const OPERATORS = [...DOCUMENTED, ...UNDOCUMENTED];
/** Names that no field inside `$or` may have. */
const RESERVED_IN_OR = [
  ...OPERATORS,
  ...['=', '<', '<=', '>', '>=', 'regex', 'not-wildcard', 'not-equals-ignore-case', 'date-after', 'date-on-or-after', 'date-before'],
  ...['date-on-or-before', 'in-date-range', 'ip-address-in-range', 'ip-address-not-in-range'],
];

/** Judges one event pattern. */
export function checkPattern(pattern: Json): PatternNotes {
  const notes: PatternNotes = { problems: [], warnings: [] };
  const wrapper = ['Pattern', 'Filters', 'FilterCriteria'].find((name) => Object.keys(pattern).some((key) => isSame(key, name)));
  if (wrapper !== undefined) {
    const key = Object.keys(pattern).find((one) => isSame(one, wrapper)) ?? wrapper;
    notes.problems.push({ path: [key], message: wrapperMessage(key, pattern[key]) });
    return notes;
  }
  checkFields(pattern, [], false, notes);
  const { length } = JSON.stringify(pattern);
  if (length > MAX_PATTERN_CHARACTERS)
    notes.problems.push({ path: [], message: `expected at most ${MAX_PATTERN_CHARACTERS} characters as JSON, found ${length}` });
  return notes;
}

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** `Pattern: '{"eventName": ["INSERT"]}'`, as Lambda's own API has it. */
function wrapperMessage(key: string, value: unknown): string {
  const what = `here the pattern itself is the entry of the list, without ${key} around it`;
  let inner = value;
  if (typeof value === 'string') {
    try {
      inner = JSON.parse(value);
    } catch {
      return `${what} and as an object, not as its text: write - eventName: [INSERT]`;
    }
  }
  const isGood = isObject(inner) && checkPattern(inner).problems.length === 0;
  const text = isGood ? JSON.stringify(inner) : '';
  return `${what}: write - ${text === '' || text.length > 200 ? 'eventName: [INSERT]' : text}`;
}

/** Fields with the values that match, or with fields of their own. */
function checkFields(fields: Json, path: Path, insideOr: boolean, notes: PatternNotes): void {
  if (Object.keys(fields).length === 0) notes.problems.push({ path, message: 'expected at least one field, found an empty object' });
  for (const [name, value] of Object.entries(fields)) {
    const at = [...path, name];
    if (name === '$or') {
      checkOr(value, at, notes);
    } else if (insideOr && RESERVED_IN_OR.includes(name)) {
      notes.problems.push({ path: at, message: `inside $or no field may be called ${name}` });
    } else if (isObject(value)) {
      checkNested(value, at, insideOr, notes);
    } else if (Array.isArray(value)) {
      checkValues(value, at, notes);
    } else {
      const list = typeof value === 'string' ? `[${value}]` : `[${JSON.stringify(value ?? null)}]`;
      notes.problems.push({ path: at, message: `expected a list of the values that match, as ${shortened(list)}, found ${found(value)}` });
    }
  }
}

/** Fields of a field; `eventName: { prefix: I }` is one with a list forgotten around it. */
function checkNested(fields: Json, path: Path, insideOr: boolean, notes: PatternNotes): void {
  const [name = '', ...others] = Object.keys(fields);
  const operand = fields[name];
  const remedy = `to compare, write a list: [{ ${name}: … }]`;
  if (others.length === 0 && OPERATORS.includes(name) && !isObject(operand)) {
    if (!Array.isArray(operand)) {
      notes.problems.push({ path, message: `expected a list of the values that match, found the operator ${name} alone; ${remedy}` });
      return;
    }
    notes.warnings.push({ path, message: `${name} is read as the name of a field here; ${remedy}` });
  }
  checkFields(fields, path, insideOr, notes);
}

function checkOr(value: unknown, path: Path, notes: PatternNotes): void {
  if (!Array.isArray(value) || value.length < 2 || !value.every(isObject)) {
    const what = Array.isArray(value) && value.every(isObject) ? `a list of ${value.length}` : found(value);
    notes.problems.push({ path, message: `expected a list of at least two objects, found ${what}` });
    return;
  }
  for (const [at, fields] of value.entries()) checkFields(fields, [...path, at], true, notes);
}

function checkValues(values: readonly unknown[], path: Path, notes: PatternNotes): void {
  const problem = (at: Path, message: string): void => {
    notes.problems.push({ path: at, message });
  };
  if (values.length === 0) problem(path, 'expected at least one value that matches, found an empty list; [null] matches null');
  for (const [index, value] of values.entries()) {
    const at = [...path, index];
    if (isObject(value)) checkExpression(value, at, notes);
    else if (Array.isArray(value)) problem(at, 'expected a text, a number, true, false, null or an operator, found a list');
    else if (typeof value === 'number' && !Number.isFinite(value)) problem(at, `expected a number that JSON has, found ${value}`);
  }
  const isNumber = path.at(-1) === 'N' && path[0] === 'dynamodb';
  if (isNumber && values.some((value) => typeof value === 'number' || (isObject(value) && 'numeric' in value)))
    notes.warnings.push({
      path,
      message: 'DynamoDB writes numbers as texts, which neither a number nor numeric ever matches; compare texts, as ["5"]',
    });
}

/** `{ prefix: A }`: one operator and what it compares with. */
function checkExpression(expression: Json, path: Path, notes: PatternNotes): void {
  const [operator, ...others] = Object.keys(expression);
  if (operator === undefined || others.length > 0) {
    notes.problems.push({
      path,
      message: `expected one operator, such as { prefix: A }, found ${others.length + (operator === undefined ? 0 : 1)}`,
    });
    return;
  }
  const at = [...path, operator];
  if (!OPERATORS.includes(operator)) {
    notes.problems.push({ path: at, message: `unknown operator; expected ${DOCUMENTED.join(', ')}` });
    return;
  }
  const expected = expectedOf(operator, expression[operator]);
  if (expected !== undefined) notes.problems.push({ path: at, message: `expected ${expected}, found ${found(expression[operator])}` });
  else if (UNDOCUMENTED.includes(operator))
    notes.warnings.push({
      path: at,
      message: `Lambda documents no operator ${operator} and may refuse it; it documents ${DOCUMENTED.join(', ')}`,
    });
}

/** The operand that an operator accepts, where `value` is something else. */
function expectedOf(operator: string, value: unknown): string | undefined {
  if (operator === 'exists') return typeof value === 'boolean' ? undefined : 'true or false';
  if (operator === 'numeric') return numericProblem(value);
  if (operator === 'anything-but')
    return isExclusion(value) ? undefined : 'a text, a number, a list of texts or of numbers, or { prefix: … }';
  if (typeof value === 'string') return undefined;
  const mayIgnoreCase = operator === 'prefix' || operator === 'suffix';
  if (mayIgnoreCase && isObject(value) && isOnly(value, 'equals-ignore-case') && typeof value['equals-ignore-case'] === 'string')
    return undefined;
  return 'a text';
}

/** `['=', 5]`, `['>', 0, '<=', 5]`: one comparison, or a lower bound and a greater upper one. */
function numericProblem(value: unknown): string | undefined {
  const form = "a list as ['=', 5], ['>', 0] or ['>', 0, '<=', 5]";
  if (!Array.isArray(value)) return form;
  const parts: readonly unknown[] = value;
  const [first, bottom, second, top] = parts;
  const inRange = (number: unknown): number is number => typeof number === 'number' && Math.abs(number) <= MAX_NUMBER;
  const bounds = parts.filter((one) => typeof one === 'number');
  if (bounds.some((number) => !inRange(number))) return `numbers from ${-MAX_NUMBER} to ${MAX_NUMBER}`;
  if (parts.length === 2) return ['=', '<', '<=', '>', '>='].includes(String(first)) && inRange(bottom) ? undefined : form;
  if (parts.length !== 4 || !['>', '>='].includes(String(first)) || !['<', '<='].includes(String(second))) return form;
  if (!inRange(bottom) || !inRange(top)) return form;
  return bottom < top ? undefined : 'a lower bound that is less than the upper one';
}

/** The operands that `anything-but` accepts. */
function isExclusion(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'number') return true;
  if (Array.isArray(value)) return value.length > 0 && (isAll(value, 'string') || isAll(value, 'number'));
  if (!isObject(value)) return false;
  const [operator = '', ...others] = Object.keys(value);
  const operand = value[operator];
  if (others.length > 0 || !['prefix', 'suffix', 'equals-ignore-case', 'wildcard'].includes(operator)) return false;
  return (typeof operand === 'string' && operand !== '') || (Array.isArray(operand) && operand.length > 0 && isAll(operand, 'string'));
}

const isAll = (values: readonly unknown[], type: 'string' | 'number'): boolean => values.every((value) => typeof value === type);
const isOnly = (value: Json, key: string): boolean => Object.keys(value).join() === key;
const shortened = (text: string): string => (text.length > 60 ? '[…]' : text);

function found(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'object') return shortened(JSON.stringify(value)) === '[…]' ? 'something else' : JSON.stringify(value);
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}
