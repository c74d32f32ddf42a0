import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkNode, NODE } from '../../action/node-version.ts';
import { PROJECT } from '../stack/cache.ts';

test.each(['24.0.0', '24.21.0', '26.1.0'])('Node %s is accepted', (version) => {
  expect(() => {
    checkNode(version);
  }).not.toThrow();
});

test.each(['18.20.0', '20.20.2', '22.13.1'])('Node %s is refused in one sentence that names both versions', (version) => {
  expect(() => {
    checkNode(version);
  }).toThrow(`The action needs Node 24 or newer, and this is Node ${version}. Run dist/index.js with Node 24`);
});

test('the version is the one that action.yml names', () => {
  expect(readFileSync(join(PROJECT, 'action.yml'), 'utf8')).toMatch(new RegExp(`^ {2}using: node${NODE}$`, 'm'));
});

test('the scripts that newcomers run first say on an older Node which one they need', () => {
  const run = (version: string): { status: number | null; stderr: string } => {
    const old = `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
    const args = ['--import', old, '--import', './scripts/check-node.mjs', '-e', ''];
    return spawnSync(process.execPath, args, { cwd: PROJECT, encoding: 'utf8' });
  };
  expect(run('20.20.2')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^This needs Node 24, and this is Node 20\.20\.2\. [^\n]+\n$/),
  });
  expect(run('24.0.0')).toMatchObject({ status: 0, stderr: '' });
  const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  for (const name of ['demo', 'test']) expect(scripts[name]).toContain('--import ./scripts/check-node.mjs');
});
