// Deploys the package that serves with another of its entries; code, configuration and all else stay.
import { applyUpdate } from '../apply/update-function.ts';
import type { DeployedState } from '../deployed/deployed-function.ts';
import { hasPassed, withServing } from '../deployed/package-history.ts';
import type { Package } from '../package/package.ts';
import { planFunction, type FunctionPlan } from '../plan/function-plan.ts';
import type { Run } from '../run.ts';
import { reportServing } from './outputs.ts';

/** A function that exists. */
export type ExistingState = DeployedState & { readonly [Part in 'latest' | 'serving']: NonNullable<DeployedState[Part]> };

/** @param found the package that serves @param wanted the same with another entry */
export function planRepackaged({ inputs }: Run, deployed: ExistingState, found: Package, wanted: Package): FunctionPlan {
  const { latest, serving, alias, historyStore } = deployed;
  return planFunction(
    {
      package: wanted,
      // Nothing but the entry differs.
      provenance: { endpoint: '', options: undefined, defaultDeadLetters: false },
      configuration: { patch: {}, architecture: undefined, changes: [], problems: [] },
      alias: inputs.alias,
      check: inputs.check,
    },
    {
      latest: latest.configuration,
      serving: serving.configuration,
      alias,
      package: found,
      passed: hasPassed(historyStore.history, wanted.sha256Hex),
    },
  );
}

/** Makes the changes of the plan. @throws {UserError} where the check fails */
export async function deployRepackaged(run: Run, deployed: ExistingState, plan: FunctionPlan, wanted: Package): Promise<void> {
  const { alias } = await applyUpdate(run, deployed, plan, { package: wanted, history: withServing });
  reportServing(run, deployed, { alias, sha256: wanted.sha256Base64 });
}
