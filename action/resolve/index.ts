import { runResolve } from './run.ts';

await runResolve(process.env);
