import { testEngine } from './run-suite.ts';

await testEngine('opensearch-1');
