// Lints the workflows: actionlint for errors that GitHub would refuse or misread, zizmor for security; and the templates of
// CloudFormation with its own linter.
// usage: node scripts/check-workflows.ts
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { cfnLint, goTool, zizmor } from './workflow-tools.ts';

const root = join(import.meta.dirname, '..');

/** Runs a linter and shows its output. @returns whether it found nothing */
function passes(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): boolean {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (error !== undefined) throw error;
  return status === 0;
}

const workflows = globSync(['.github/workflows/*.{yml,yaml}', 'docs/examples/**/*.{yml,yaml}'], { cwd: root })
  .filter((file) => !/docs\Wexamples\Woptions\.yml$/.test(file))
  .sort();
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
const templates = globSync('docs/cloudformation/*.yml', { cwd: root }).sort();
const cfn = await cfnLint();
const stacks = passes(cfn.command, [...cfn.args, ...templates], cfn.env);
console.log(
  `${workflows.length} workflows, ${actions.length} actions: actionlint ${lint ? 'passed' : 'failed'}, zizmor ${audit ? 'passed' : 'failed'}; ${templates.length} templates: cfn-lint ${stacks ? 'passed' : 'failed'}`,
);
process.exitCode = lint && audit && stacks ? 0 : 1;
