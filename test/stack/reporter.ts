// Jest: the last line of a run, the same for people and for scripts.
import { writeSync } from 'node:fs';
import type { AggregatedResult, Reporter } from '@jest/reporters';

export default class LastLine implements Pick<Reporter, 'onRunComplete'> {
  onRunComplete(_contexts: unknown, results: AggregatedResult): void {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests, numTodoTests } = results;
    const skipped = numPendingTests + numTodoTests;
    // A file that could not be run at all has no tests to count.
    const line = `${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed${skipped ? `, ${skipped} skipped` : ''}\n`;
    // Jest's own summary is still to come.
    process.once('exit', () => {
      writeSync(process.stdout.fd, line);
    });
  }
}
