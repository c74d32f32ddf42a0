// Deploys the package that serves with another set of tables that are written to two indexes; all else in it stays.
import type { Reindexed } from '../../formats/function-config.ts';
import { UserError } from '../errors.ts';
import { CONFIG_ENTRY, configText, withEntry } from '../package/package.ts';
import { isSame } from '../plan/change.ts';
import { configOf } from '../plan/package-plan.ts';
import type { Run } from '../run.ts';
import { readDeployed } from './read-deployed.ts';
import { deployRepackaged, planRepackaged } from './repackage.ts';

/**
 * Lets the function write every change of a table to both indexes, or to that of its name alone. A deploy that changes nothing is none.
 * @param indexes undefined: to that of its name @returns the package that serves then, base64 @throws {UserError} where its check fails
 */
export async function deployReindex(run: Run, table: string, indexes: Reindexed['indexes'] | undefined): Promise<string> {
  const { inputs, aws, report } = run;
  const deployed = await readDeployed(aws, inputs, report);
  const { latest, serving } = deployed;
  const found = await deployed.servingPackage();
  const config = found === undefined ? undefined : configOf(found);
  if (latest === undefined || serving === undefined || found === undefined || config === undefined)
    throw new UserError(`Function ${inputs.functionName} was deleted or replaced during the run`, 'Run operation deploy first');
  const { [table]: former, ...others } = config.reindex ?? {};
  const since = former?.indexes.join(' ') === indexes?.join(' ') ? former?.since : undefined;
  const own = indexes === undefined ? {} : { [table]: { indexes, since: since ?? new Date(aws.clock.now()).toISOString() } };
  const { reindex: _, ...rest } = config;
  const all = { ...others, ...own };
  const wantedConfig = { ...rest, ...(Object.keys(all).length === 0 ? {} : { reindex: all }) };
  const wanted = isSame(config, wantedConfig) ? found : withEntry(found, CONFIG_ENTRY, configText(wantedConfig));
  const existing = { ...deployed, latest, serving };
  const plan = planRepackaged(run, existing, found, wanted);
  if (plan.serves) await deployRepackaged(run, existing, plan, wanted);
  return wanted.sha256Base64;
}

/** Whether the deployed function writes every change of a table to both indexes. @throws {AwsError} */
export async function writesBoth({ inputs, aws, report }: Run, table: string, indexes: Reindexed['indexes']): Promise<boolean> {
  const { servingPackage } = await readDeployed(aws, { ...inputs, codeBucket: undefined }, report);
  const found = await servingPackage();
  const { reindex = {} } = (found === undefined ? undefined : configOf(found)) ?? {};
  const entry = Object.hasOwn(reindex, table) ? reindex[table] : undefined;
  return entry !== undefined && indexes.every((index) => entry.indexes.includes(index));
}
