import type { DeployedState } from '../deployed/deployed-function.ts';
import { tableReports } from '../apply/triggers.ts';
import type { Run } from '../run.ts';
import { reportServing } from './outputs.ts';
import { readDeployed, refuseForeignEnvironment } from './read-deployed.ts';
import { deployRepackaged, planRepackaged } from './repackage.ts';
import { readSourceTables } from './source-tables.ts';
import { listTriggers, streamOrigin, type Trigger } from '../aws/triggers.ts';
import { collectProblems, InputError, UserError, type Problem } from '../errors.ts';
import { configOf } from '../plan/package-plan.ts';
import { MAPPING_ENTRY, entryText, mappingText, withEntry } from '../package/package.ts';
import type { Warning } from '../plan/change.ts';
import { namedTables, unknownTables, type UnknownTable } from '../plan/option-tables.ts';
import { reindexWarnings } from '../plan/reindexed-tables.ts';
import { functionWarnings } from '../plan/transport-warnings.ts';

/** Replaces the key mapping in the package that serves; code, endpoint, options and configuration stay. @throws {UserError} */
export async function refreshMapping(run: Run): Promise<void> {
  const { inputs, aws, report } = run;
  const { functionName } = inputs;
  const [deployed, triggers] = await collectProblems<[DeployedState, Trigger[]]>([
    readDeployed(aws, inputs, report),
    listTriggers(aws, functionName, inputs.alias),
  ]);
  const { latest, serving } = deployed;
  if (latest === undefined || serving === undefined) {
    throw new UserError(
      `function-name: there is no function ${functionName} in account ${aws.account}, region ${aws.region}`,
      'Run operation deploy first, or check function-name and the region',
    );
  }
  for (const warning of functionWarnings(functionName, serving.configuration.Environment?.Variables ?? {})) report.warn(warning);
  const found = await refuseForeignEnvironment(deployed, inputs, undefined);
  const config = found === undefined ? undefined : configOf(found);
  if (found === undefined || config === undefined) {
    throw new UserError(
      `The package of function ${functionName} was not deployed by this action: it has no config.json that can be read`,
      'Run operation deploy first, which takes the function over',
    );
  }
  const mapped = await readSourceTables(aws, inputs, config.options, report, triggers, deployed);
  const unknown = unknownTables(Object.keys(config.options.tables), namedTables(inputs, triggers));
  const problems = [...unknown.flatMap(misspelt), ...mapped.problems];
  if (problems.length > 0) throw new InputError(problems);
  for (const { name, near } of unknown) if (near === undefined) report.warn(withoutTable(name));
  for (const warning of reindexWarnings(config.reindex, aws.clock.now())) report.warn(warning);
  for (const trigger of mapped.triggers.filter(({ reportsBatchItemFailures }) => !reportsBatchItemFailures)) {
    report.warn({
      title: 'A trigger without ReportBatchItemFailures',
      message: `Trigger ${trigger.uuid} of table ${streamOrigin(trigger.source)?.table ?? trigger.source} lacks ReportBatchItemFailures: after one failed record its whole batch is retried. Deploy with this table in tables, or add it by hand`,
    });
  }
  const text = mappingText(mapped.mapping);
  // Compared is the text: another release may have packed the same content into other bytes.
  const wanted = entryText(found, MAPPING_ENTRY) === text ? found : withEntry(found, MAPPING_ENTRY, text);
  const existing = { ...deployed, latest, serving };
  const plan = planRepackaged(run, existing, found, wanted);
  report.plan(plan.changes);
  reportServing(run, deployed);
  report.tables(tableReports(mapped.mapping, mapped.sources, inputs.alias));
  if (inputs.dryRun || !plan.serves) return;
  await deployRepackaged(run, existing, plan, wanted);
}

/** The deployed options name a table almost as a trigger's is named: they have never been applied to it. */
function misspelt({ name, near }: UnknownTable): Problem[] {
  if (near === undefined) return [];
  const message = `The deployed options are for table ${name}, and the function reads table ${near}, to which they are not applied. Fix the name in the options file (tables.${name}) and run operation: deploy`;
  return [{ where: `tables.${name}`, message }];
}

const withoutTable = (name: string): Warning => ({
  title: 'Options of a table that is not a source table',
  message: `The deployed options are for table ${name}, which no trigger of the function reads. Fix the name in the options file, or remove it, and run operation: deploy`,
});
