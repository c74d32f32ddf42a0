// Evaluates a request under one identity-based policy as IAM does, as far as the project's policies go. Unknown elements throw: a
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

/** The request that AWS sends to IAM before it does something. */
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
  const [wanted, found] = [parts(pattern), parts(arn)];
  return wanted.every((part, at) => fits(part, found[at] ?? ''));
}

const OPERATORS: Readonly<Record<string, (wanted: string, found: string) => boolean>> = {
  StringEquals: (wanted, found) => wanted === found,
  StringLike: fits,
  ArnEquals: fitsArn,
  ArnLike: fitsArn,
  Bool: (wanted, found) => wanted === found,
};
/** Of these no value may fit, and a key that the request lacks matches. */
const NEGATED: Readonly<Record<string, keyof typeof OPERATORS>> = { ArnNotEquals: 'ArnEquals', StringNotEquals: 'StringEquals' };

/** All operators and keys must match, and one value of each key. A key that the request lacks matches only in negated operators. */
function holds(condition: PolicyStatement['Condition'], context: IamRequest['context']): boolean {
  return Object.entries(condition ?? {}).every(([name, keys]) => {
    const negated = NEGATED[name];
    const compare = OPERATORS[negated ?? name];
    if (compare === undefined) throw new Error(`Unknown condition operator ${name}`);
    return Object.entries(keys).every(([key, values]) => {
      const found = context?.[key];
      const matches = found !== undefined && asList(values).some((wanted) => compare(wanted, found));
      return negated === undefined ? matches : !matches;
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
