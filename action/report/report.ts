import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckResponse } from '../../formats/events.ts';
import type { Change, Warning } from '../plan/change.ts';
import { InputError, placeText, type Problem } from '../errors.ts';
import { itemsMarkdown, planJson, planMarkdown, planText, type PlanHeading } from './render-plan.ts';
import { attentionMarkdown, summaryMarkdown, type Outputs, type TableReport } from './render-summary.ts';
import { Redaction } from './redaction.ts';
import type { Runner } from './runner.ts';

/** Collects the events of a run and reports them: log lines at once, outputs and summary at the end, whichever way the run ends. */
export class Report {
  readonly #runner: Runner;
  readonly #started: number;
  readonly #now: () => number;
  readonly #redaction = new Redaction();
  readonly #warnings: Warning[] = [];
  readonly #notes: string[] = [];
  #heading: PlanHeading = { operation: '', environment: '', functionName: '' };
  #dryRun = false;
  #changes: Change[] = [];
  #planned = false;
  /** Whether anything in AWS is other than before, packages in the bucket aside. */
  #changed = false;
  #check: CheckResponse | undefined;
  #tables: Readonly<Record<string, TableReport>> = {};
  #items: Readonly<Record<string, string>> = {};
  #outputs: Pick<Outputs, 'function-arn' | 'function-version' | 'alias-arn' | 'code-sha256' | 'created'> = {
    'function-arn': '',
    'function-version': '',
    'alias-arn': '',
    'code-sha256': '',
    created: 'false',
  };

  #run: Pick<Outputs, 'complete' | 'differences' | 'counts' | 'report-uri'> = {
    complete: '',
    differences: '',
    counts: '',
    'report-uri': '',
  };
  readonly #sections: string[] = [];

  /** @param started when the run began; ms since 1970, as `now` */
  constructor(runner: Runner, now: () => number, started: number) {
    this.#runner = runner;
    this.#now = now;
    this.#started = started;
  }

  begin(heading: PlanHeading, dryRun: boolean): void {
    this.#heading = heading;
    this.#dryRun = dryRun;
    this.info(`${heading.operation}${dryRun ? ' (dry run)' : ''}: function ${heading.functionName}, environment ${heading.environment}`);
  }

  /** Where the inputs have problems: the ones that are known all the same. */
  beginWithout(heading: PlanHeading): void {
    this.#heading = heading;
  }

  /** Hides a value from everything that is written from now on. */
  mask(...secrets: readonly string[]): void {
    // Longest first: where one secret is part of another, the whole is hidden, not the part alone.
    for (const secret of secrets.toSorted((a, b) => b.length - a.length)) {
      if (secret.trim() === '') continue;
      this.#runner.setSecret(secret);
      this.#redaction.hide(secret);
    }
  }

  info(line: string): void {
    // One line each: text from outside must not begin lines of its own.
    this.#runner.info(this.redact(line).replace(/\n+/g, ' '));
  }

  /** Something that needs attention; reported once. */
  warn(warning: Warning): void {
    if (this.#warnings.some(({ message }) => message === warning.message)) return;
    this.#warnings.push(warning);
    this.#runner.warning(this.redact(warning.message), { title: this.redact(warning.title) });
  }

  /** Warnings about the user's files, with their place. A file outside the workspace cannot be shown: its name says where. */
  warnAbout(problems: readonly Problem[], workspace: string | undefined): void {
    for (const { where, message, place } of problems) {
      const shown = place !== undefined && workspace !== undefined && existsSync(join(workspace, place.file));
      const text = place === undefined ? message : `${placeText(place)}: ${message}`;
      this.#warnings.push({ title: where, message: text });
      const line = place?.line === undefined ? {} : { startLine: place.line };
      this.#runner.warning(this.redact(shown ? message : text), {
        title: this.redact(where),
        ...(shown ? { file: place.file, ...line } : {}),
      });
    }
  }

  /** Shows the problems of files in the workspace where they are. */
  annotate(error: unknown, workspace: string | undefined): void {
    if (!(error instanceof InputError) || workspace === undefined) return;
    for (const { where, message, place } of error.problems) {
      if (place === undefined || !existsSync(join(workspace, place.file))) continue;
      this.#runner.error(this.redact(message), {
        title: this.redact(where),
        file: place.file,
        ...(place.line === undefined ? {} : { startLine: place.line }),
      });
    }
  }

  /** A sentence for the summary alone. */
  note(sentence: string): void {
    this.#notes.push(sentence);
  }

  /** The plan, or a further part of it. */
  plan(changes: readonly Change[]): void {
    this.#planned = true;
    this.#changes.push(...changes);
    for (const line of planText(this.#redaction.value(changes))) this.info(`  ${line}`);
    if (this.#changes.length === 0) this.info('  Nothing to change.');
  }

  /** The plan does not apply any more. */
  forgetPlan(): void {
    this.#changes = [];
  }

  /** Something was changed, or all of it was put back. */
  changed(changed: boolean): void {
    this.#changed = changed;
  }

  checked(response: CheckResponse): void {
    this.#check = response;
    for (const { what, remedy } of response.problems) {
      const say = response.ok ? this.#runner.warning : this.#runner.error;
      say(this.redact(`${what}${remedy === '' ? '' : `. ${remedy}`}`), { title: 'The check of the function' });
    }
    const { cluster } = response;
    if (response.ok)
      this.info(
        `The function reaches the cluster${cluster.distribution === undefined ? '' : ` (${[cluster.distribution, cluster.version].filter(Boolean).join(' ')})`}.`,
      );
  }

  tables(tables: Readonly<Record<string, TableReport>>): void {
    this.#tables = tables;
  }

  /** Of each table, how many items it holds and what becomes of them. */
  items(items: Readonly<Record<string, string>>): void {
    this.#items = items;
    for (const [table, text] of Object.entries(items)) this.info(`  Table ${table} holds ${text}.`);
  }

  outputs(outputs: Partial<Report['resultOutputs']>): void {
    this.#outputs = { ...this.#outputs, ...outputs };
  }

  get resultOutputs(): Pick<Outputs, 'function-arn' | 'function-version' | 'alias-arn' | 'code-sha256' | 'created'> {
    return this.#outputs;
  }

  /** The result of a run on tables. */
  runOutputs(outputs: Partial<Pick<Outputs, 'complete' | 'differences' | 'counts' | 'report-uri'>>): void {
    this.#run = { ...this.#run, ...outputs };
  }

  /** A part of the job summary, in Markdown whose texts from outside are escaped. */
  section(markdown: string): void {
    this.#sections.push(markdown);
  }

  /** The plan as it goes into the comment on a pull request, with what needs attention. */
  get comment(): string {
    return [this.#planSection, ...attentionMarkdown(this.#warnings, (text) => this.redact(text))].join('\n');
  }

  get #planSection(): string {
    return [planMarkdown(this.#redaction.value(this.#changes)), ...itemsMarkdown(this.#redaction.value(this.#items))].join('\n');
  }

  /** Writes outputs and summary. @param failure the sentence that the job fails with */
  async finish(failure: string | undefined): Promise<void> {
    const { operation, environment } = this.#heading;
    // A run on tables leaves the function as it is: its plan names what is read, not what changes.
    const isOnTables = operation === 'backfill' || operation === 'verify' || operation === 'redrive' || operation === 'reindex';
    const outputs: Outputs = {
      ...this.#outputs,
      changed: String(isOnTables ? this.#changed : this.#dryRun || failure === undefined ? this.#changes.length > 0 : this.#changed),
      environment,
      operation,
      // Only values that were read may contain a secret by accident. ARNs and hashes do not, and a later step relies on every character of them.
      plan: planJson(this.#heading, this.#redaction.value(this.#changes)),
      'plan-markdown': planMarkdown(this.#redaction.value(this.#changes)),
      tables: JSON.stringify(this.#redaction.value(this.#tables)),
      ...this.#run,
    };
    this.#runner.setOutputs({ ...outputs });
    try {
      await this.#runner.summarize(this.#summary(failure));
    } catch {
      this.info('The job summary could not be written.');
    }
  }

  /** The text as it may leave the run: without secrets, control characters and workflow commands. */
  redact(text: string): string {
    return this.#redaction.text(text);
  }

  #summary(failure: string | undefined): string {
    return summaryMarkdown(
      {
        heading: this.#heading,
        failure,
        isDryRun: this.#dryRun,
        changes: this.#changes,
        plan: this.#planned ? this.#planSection : undefined,
        outputs: this.#outputs,
        check: this.#check,
        seconds: (this.#now() - this.#started) / 1000,
        tables: this.#tables,
        sections: this.#sections,
        warnings: this.#warnings,
        notes: this.#notes,
      },
      (text) => this.redact(text),
    );
  }
}
