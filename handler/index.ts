import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dispatch, type LambdaContext } from './dispatch.ts';
import { start } from './start.ts';

const runtime = await start(dirname(fileURLToPath(import.meta.url)), process.env);

export const handler = (event: unknown, context?: LambdaContext): Promise<unknown> => dispatch(runtime, event, context);
