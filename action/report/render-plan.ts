// One model of a plan, rendered as log text, as JSON and as Markdown.
import type { Change } from '../plan/change.ts';
import type { Shown } from '../shown.ts';

export interface PlanHeading {
  readonly operation: string;
  readonly environment: string;
  readonly functionName: string;
}

const SIGNS = { create: '+', update: '~', delete: '-' } as const;

/** Characters of a value on one line. */
const MAX_LINE = 160;

/** A value on one line, not longer than one. */
export function shownText(value: Shown): string {
  if (value === null) return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replace(/[\r\n]+/g, ' ');
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
}

/** The settings of something new that is too long for a line, one each. Undefined: it fits, or has none. */
function settingsOf(value: Shown): string[] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || JSON.stringify(value).length <= MAX_LINE) return undefined;
  return Object.entries(value).map(([name, setting]) => `${name}: ${shownText(setting)}`);
}

/** Lines for the log. */
export function planText(changes: readonly Change[]): string[] {
  return changes.flatMap(({ resource, action, path, before, after, reason }) => {
    const name = `${SIGNS[action]} ${resource}${path === resource ? '' : `, ${path}`}`;
    const settings = action === 'create' ? settingsOf(after) : undefined;
    if (settings !== undefined) return [`${name} (${reason})`, ...settings.map((setting) => `    ${setting}`)];
    const values =
      action === 'create' ? shownText(after) : action === 'delete' ? shownText(before) : `${shownText(before)} → ${shownText(after)}`;
    return [`${name}: ${values} (${reason})`];
  });
}

/** The output `plan` (docs/inputs-and-outputs.md). */
export function planJson({ operation, environment, functionName }: PlanHeading, changes: readonly Change[]): string {
  return JSON.stringify({ operation, environment, function: functionName, changes });
}

/** bytes: the summary of a step can have 1 MiB, a comment 65536 characters; a plan of more rows is cut, and says so. */
const MAX_ROWS = 300;

/** The output `plan-markdown`. */
export function planMarkdown(changes: readonly Change[]): string {
  if (changes.length === 0) return 'Nothing to change.';
  const rows = changes
    .slice(0, MAX_ROWS)
    .map(
      ({ resource, action, path, before, after, reason }) =>
        `| ${[escaped(action), escaped(`${resource}: ${path}`), cell(before), action === 'create' ? newCell(after) : cell(after), escaped(reason)].join(' | ')} |`,
    );
  const cut = changes.length > MAX_ROWS ? [`\n… and ${changes.length - MAX_ROWS} more.`] : [];
  return ['| | What | Before | After | Why |', '| --- | --- | --- | --- | --- |', ...rows, ...cut].join('\n');
}

const cell = (value: Shown): string => (value === null ? '' : escaped(shownText(value)));
const newCell = (value: Shown): string => settingsOf(value)?.map(escaped).join('<br>') ?? cell(value);

/** Markdown of the items that each table holds, for a comment. */
export function itemsMarkdown(items: Readonly<Record<string, string>>): string[] {
  const rows = Object.entries(items);
  if (rows.length === 0) return [];
  const shown = rows.slice(0, MAX_ROWS).map(([table, text]) => `| ${escaped(table)} | ${escaped(text)} |`);
  const cut = rows.length > MAX_ROWS ? [`\n… and ${rows.length - MAX_ROWS} more.`] : [];
  return ['', '| Table | Items, as DynamoDB counted them up to six hours ago |', '| --- | --- |', ...shown, ...cut];
}

/** Text for a cell of a Markdown table: foreign text must neither end the cell nor become markup. */
export function escaped(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_[\]|~@]/g, (sign) => (sign === '@' ? '&#64;' : `\\${sign}`));
}
