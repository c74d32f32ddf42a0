import { describe } from '@jest/globals';
import { useStack } from '../stack/use-stack.ts';
import { engineSuite } from './engine-suite.ts';
import { reindexSuite } from './reindex-suite.ts';
import { walkSuite } from './walk-suite.ts';

const stack = await useStack();

describe('OpenSearch 2', () => {
  engineSuite(stack.search);
  walkSuite(stack.search);
  reindexSuite(stack);
});
