// The job summary of a run, as Markdown.
import type { CheckResponse } from '../../formats/events.ts';
import type { Change, Warning } from '../plan/change.ts';
import { escaped, type PlanHeading } from './render-plan.ts';

/** Per table, for the output `tables` and the summary. */
export interface TableReport {
  readonly index: string;
  /** Hash key, and range key where there is one. */
  readonly keys: readonly string[];
  /** State of the trigger as AWS shows it; null: none. */
  readonly trigger: string | null;
}

/** The outputs of the action (docs/inputs-and-outputs.md), in the order of action.yml. */
export interface Outputs {
  'function-arn': string;
  'function-version': string;
  'alias-arn': string;
  'code-sha256': string;
  changed: string;
  created: string;
  environment: string;
  operation: string;
  plan: string;
  'plan-markdown': string;
  tables: string;
  complete: string;
  differences: string;
  counts: string;
  'report-uri': string;
}

/** The result of a run, as far as its summary shows it. */
export interface Summary {
  readonly heading: PlanHeading;
  /** The sentence that the job fails with. */
  readonly failure: string | undefined;
  readonly isDryRun: boolean;
  readonly changes: readonly Change[];
  /** Markdown without secrets; undefined: there was no plan. */
  readonly plan: string | undefined;
  readonly outputs: Pick<Outputs, 'function-arn' | 'function-version' | 'alias-arn' | 'code-sha256'>;
  readonly check: CheckResponse | undefined;
  readonly seconds: number;
  readonly tables: Readonly<Record<string, TableReport>>;
  /** Markdown whose texts from outside are escaped. */
  readonly sections: readonly string[];
  readonly warnings: readonly Warning[];
  readonly notes: readonly string[];
}

/** @param redact removes secrets, control characters and workflow commands from a text */
export function summaryMarkdown(summary: Summary, redact: (text: string) => string): string {
  const { heading, failure, sections, warnings, notes } = summary;
  const { operation, functionName } = heading;
  // First the secrets, then the signs of Markdown: the other way round a secret that has such signs would not be found.
  const shown = (text: string): string => escaped(redact(text));
  return [
    `## ${shown(`${functionName === '' ? 'DynamoDB to OpenSearch' : functionName}: ${operation || 'inputs'}, ${outcomeOf(summary)}`)}`,
    ...(failure === undefined
      ? []
      : [
          '',
          ...redact(failure)
            .split('\n')
            .map((line) => `> ${escaped(line)}`),
        ]),
    '',
    '| | |',
    '| --- | --- |',
    ...factsOf(summary).map(([name, value]) => `| ${name} | ${shown(value)} |`),
    ...planOf(summary),
    ...tablesOf(summary, shown),
    ...sections.flatMap((section) => ['', redact(section)]),
    ...attentionMarkdown(warnings, redact),
    ...(notes.length === 0 ? [] : ['', ...notes.map(shown)]),
    '',
  ].join('\n');
}

/** The warnings, as a section. @param redact as in `summaryMarkdown` */
export function attentionMarkdown(warnings: readonly Warning[], redact: (text: string) => string): string[] {
  const shown = (text: string): string => escaped(redact(text));
  const lines = warnings.map(({ title, message }) => `- **${shown(title)}**: ${shown(message)}`);
  return lines.length === 0 ? [] : ['', '### Needs attention', '', ...lines];
}

function outcomeOf({ failure, changes, isDryRun }: Summary): string {
  if (failure !== undefined) return 'failed';
  if (changes.length === 0) return 'nothing to change';
  return isDryRun ? 'plan' : 'done';
}

function factsOf({ outputs, heading, check, seconds }: Summary): [string, string][] {
  const facts: [string, string][] = [
    ['Function', outputs['function-arn'] || heading.functionName],
    ['Environment', heading.environment],
    ['Version', outputs['function-version']],
    ['Alias', outputs['alias-arn']],
    ['Package (SHA-256)', outputs['code-sha256']],
    ['Check', checkText(check)],
    ['Duration', `${seconds.toFixed(1)} s`],
  ];
  return facts.filter(([, value]) => value !== '');
}

function planOf({ plan, isDryRun, failure }: Summary): string[] {
  if (plan === undefined) return [];
  const title = isDryRun ? 'Planned changes' : failure === undefined ? 'Changes' : 'Changes that were planned';
  return ['', `### ${title}`, '', plan];
}

function tablesOf({ tables }: Summary, shown: (text: string) => string): string[] {
  const rows = Object.entries(tables).map(
    ([table, { index, keys, trigger }]) => `| ${[table, index, keys.join(', '), trigger ?? 'none'].map(shown).join(' | ')} |`,
  );
  return rows.length === 0 ? [] : ['', '### Tables', '', '| Table | Index | Keys | Trigger |', '| --- | --- | --- | --- |', ...rows];
}

function checkText(check: CheckResponse | undefined): string {
  if (check === undefined) return '';
  const { ok, cluster, problems } = check;
  if (!ok) return `failed: ${problems.map(({ what }) => what).join('; ')}`;
  return cluster.distribution === undefined ? 'passed' : `passed: ${[cluster.distribution, cluster.version].filter(Boolean).join(' ')}`;
}
