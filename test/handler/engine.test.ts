import { describe } from '@jest/globals';
import { useSearch } from '../stack/use-stack.ts';
import { engineSuite } from './engine-suite.ts';
import { walkSuite } from './walk-suite.ts';

const search = await useSearch();

describe('OpenSearch 2', () => {
  engineSuite(search);
  walkSuite(search);
});
