// What IAM decides of a request under one identity-based policy, as far as the project's policies go. What it does not know throws: a
// policy that was understood only in part would be judged wrongly.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

export interface PolicyStatement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface Policy {
  readonly Version: string;
  readonly Statement: readonly PolicyStatement[];
}

/** What AWS asks IAM before it does something. */
export interface IamRequest {
  readonly action: string;
  /** `*` where the action has no resource: only a policy for all resources allows it. */
  readonly resource: string;
  /** Values of condition keys. */
  readonly context?: Readonly<Record<string, string>>;
}

const asList = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value);

/** Whether a text fits a pattern with `*` and `?`. */
function fits(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

/** In ARNs a wildcard of the pattern does not reach over a colon, except in the last part. */
function fitsArn(pattern: string, arn: string): boolean {
  const parts = (text: string): string[] => {
    const cut = text.split(':');
    return [...cut.slice(0, 5), cut.slice(5).join(':')];
  };
  const [wanted, given] = [parts(pattern), parts(arn)];
  return wanted.every((part, at) => fits(part, given[at] ?? ''));
}

const OPERATORS: Readonly<Record<string, (wanted: string, given: string) => boolean>> = {
  StringEquals: (wanted, given) => wanted === given,
  StringLike: fits,
  ArnEquals: fitsArn,
  ArnLike: fitsArn,
  Bool: (wanted, given) => wanted === given,
};
/** Of these no value may fit, and a key that the request lacks holds. */
const NEGATED: Readonly<Record<string, keyof typeof OPERATORS>> = { ArnNotEquals: 'ArnEquals', StringNotEquals: 'StringEquals' };

/** All operators and keys must hold, of the values of a key one. A key that the request lacks holds in negated operators alone. */
function holds(condition: PolicyStatement['Condition'], context: IamRequest['context']): boolean {
  return Object.entries(condition ?? {}).every(([name, keys]) => {
    const negated = NEGATED[name];
    const compare = OPERATORS[negated ?? name];
    if (compare === undefined) throw new Error(`Unknown condition operator ${name}`);
    return Object.entries(keys).every(([key, values]) => {
      const given = context?.[key];
      const found = given !== undefined && asList(values).some((wanted) => compare(wanted, given));
      return negated === undefined ? found : !found;
    });
  });
}

const KNOWN = new Set(['Sid', 'Effect', 'Action', 'Resource', 'Condition']);

/** Whether a statement is about a request. @throws {Error} on an element that is not known here */
export function applies(statement: PolicyStatement, { action, resource, context }: IamRequest): boolean {
  for (const element of Object.keys(statement)) if (!KNOWN.has(element)) throw new Error(`Unknown element ${element}`);
  return (
    asList(statement.Action).some((pattern) => fits(pattern.toLowerCase(), action.toLowerCase())) &&
    asList(statement.Resource).some((pattern) => pattern === '*' || (resource !== '*' && fitsArn(pattern, resource))) &&
    holds(statement.Condition, context)
  );
}

/** Denied unless a statement allows it and none denies it. */
export function allows(policy: Policy, request: IamRequest): boolean {
  const found = policy.Statement.filter((statement) => applies(statement, request));
  return found.some(({ Effect }) => Effect === 'Allow') && found.every(({ Effect }) => Effect !== 'Deny');
}
