// Lints the workflows: actionlint for what GitHub would refuse or misread, zizmor for what an attacker would use.
// usage: node scripts/check-workflows.ts
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { goTool, zizmor } from './workflow-tools.ts';

const root = join(import.meta.dirname, '..');

/** Runs a linter and shows what it says. @returns whether it found nothing */
function passes(command: string, args: readonly string[]): boolean {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status === 0;
}

const workflows = globSync(['.github/workflows/*.{yml,yaml}', 'docs/examples/**/*.{yml,yaml}'], { cwd: root }).sort();
const actions = ['action.yml', ...globSync('.github/actions/*/action.yml', { cwd: root })].sort();
const lint = passes(await goTool('actionlint'), ['-no-color', ...workflows]);
// Offline: what needs GitHub's API (whether a SHA belongs to its tag) is checked by zizmor's own action in CI.
const audit = passes(await zizmor(), [
  '--offline',
  '--no-progress',
  '--persona',
  'pedantic',
  '--config',
  '.github/zizmor.yml',
  ...workflows,
  ...actions,
]);
console.log(
  `${workflows.length} workflows, ${actions.length} actions: actionlint ${lint ? 'passed' : 'failed'}, zizmor ${audit ? 'passed' : 'failed'}`,
);
process.exitCode = lint && audit ? 0 : 1;
