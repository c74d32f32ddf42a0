import { UserError } from './errors.ts';

/** The major version of Node that action.yml names: GitHub's runner brings it, a shell may have another one. */
export const NODE = 24;

/** @param version as in `process.versions.node` @throws {UserError} on an older Node, which lacks parts that the action needs */
export function checkNode(version: string): void {
  if (Number.parseInt(version, 10) >= NODE) return;
  throw new UserError(`The action needs Node ${NODE} or newer, and this is Node ${version}`, `Run dist/index.js with Node ${NODE}`);
}
