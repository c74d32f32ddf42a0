import { sha256Of, type Actual } from '../deployed/deployed-function.ts';
import type { Run } from '../run.ts';
import type { Alias } from '../aws/alias.ts';

/** What an operation may know better than what it found: the alias after it was moved, the package that serves now. */
interface Serving {
  readonly alias?: Alias | undefined;
  /** base64; undefined: the one that was found. */
  readonly sha256?: string | undefined;
}

/** Reports the function and what serves: `function-arn`, `function-version`, `alias-arn`, `code-sha256`. */
export function reportServing({ inputs, report }: Run, actual: Actual, now: Serving = {}): void {
  const alias = now.alias ?? actual.alias;
  report.outputs({
    'function-arn': actual.arn,
    'function-version': inputs.alias === undefined ? '$LATEST' : (alias?.version ?? ''),
    'alias-arn': alias?.arn ?? '',
    'code-sha256': now.sha256 ?? sha256Of(actual.serving) ?? '',
  });
}
