// Jest: after the last test file.
import './global-setup.ts';

/** ms: for jest's own summary. */
const SUMMARY_MS = 500;

export default async function tearDown(): Promise<void> {
  await globalThis.stackBroker?.stop();
  // The run ends once its result is printed, whatever handle a long run has left open: Node would clean them up one by one.
  setTimeout(() => process.exit(), SUMMARY_MS);
}
