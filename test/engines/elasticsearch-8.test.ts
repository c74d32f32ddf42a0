import { testEngine } from './run-suite.ts';

await testEngine('elasticsearch-8');
