import { afterAll, describe, test } from '@jest/globals';
import { engineSuite } from '../handler/engine-suite.ts';
import { reindexSuite } from '../handler/reindex-suite.ts';
import { walkSuite } from '../handler/walk-suite.ts';
import type { SearchKind } from '../stack/search.ts';
import { releaseSearch, useStack, whyNot } from '../stack/use-stack.ts';

/** Runs the suite on one engine, or says why this machine cannot. */
export async function testEngine(kind: SearchKind): Promise<void> {
  const missing = whyNot(kind);
  if (missing !== undefined) {
    test.todo(`${kind}: ${missing}`);
    return;
  }
  const stack = await useStack(kind);
  describe(kind, () => {
    afterAll(() => releaseSearch(kind));
    engineSuite(stack.search);
    walkSuite(stack.search);
    reindexSuite(stack);
  });
}
