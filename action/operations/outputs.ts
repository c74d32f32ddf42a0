import { sha256Of, type DeployedState } from '../deployed/deployed-function.ts';
import type { Run } from '../run.ts';
import type { Alias } from '../aws/alias.ts';

/** State after the operation, where it differs from the deployed state: the alias after it was moved, the package that serves now. */
interface Serving {
  readonly alias?: Alias | undefined;
  /** base64; undefined: the one that was found. */
  readonly sha256?: string | undefined;
}

/** Reports the function and what serves: `function-arn`, `function-version`, `alias-arn`, `code-sha256`. */
export function reportServing({ inputs, report }: Run, deployed: DeployedState, now: Serving = {}): void {
  const alias = now.alias ?? deployed.alias;
  report.outputs({
    'function-arn': deployed.arn,
    'function-version': inputs.alias === undefined ? '$LATEST' : (alias?.version ?? ''),
    'alias-arn': alias?.arn ?? '',
    'code-sha256': now.sha256 ?? sha256Of(deployed.serving) ?? '',
  });
}
