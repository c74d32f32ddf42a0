import { afterAll, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment } from './deployment.ts';

const stack = await useStack();
const it = await prepareDeployment(stack);

/** As much of GitHub as the comment needs. */
const comments: { id: number; body: string }[] = [];
let refuses = false;
const github = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    const reply = (status: number, value: unknown): void => {
      response.statusCode = status;
      response.end(JSON.stringify(value));
    };
    if (refuses) reply(403, { message: 'Resource not accessible by integration' });
    else if (request.method === 'GET') reply(200, comments);
    else {
      const { body: text } = JSON.parse(body) as { body: string };
      const id = Number(/comments\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 0);
      const found = comments.find((one) => one.id === id);
      if (found === undefined) comments.push({ id: comments.length + 1, body: text });
      else found.body = text;
      reply(200, {});
    }
  });
});
await new Promise<void>((resolve) => github.listen(0, '127.0.0.1', resolve));
afterAll(async () => {
  github.closeAllConnections();
  github.close();
  await it.stop();
});

const plan = (inputs: Record<string, string> = {}, name = 'pull_request'): ReturnType<typeof it.run> =>
  it.run(
    { 'dry-run': 'true', 'github-token': 'ghs_x', ...inputs },
    {
      event: { name, payload: { pull_request: { number: 7 } } },
      env: { GITHUB_API_URL: `http://127.0.0.1:${(github.address() as AddressInfo).port}` },
    },
  );

describe('a dry run on a pull request', () => {
  test('writes its plan as one comment, and over it the next time', async () => {
    comments.push({ id: 1, body: 'a comment of a person' });
    expect((await plan()).code).toBe(0);
    expect(comments).toHaveLength(2);
    expect(comments[1]?.body).toContain('memory-size');
    expect((await plan({ 'memory-size': '512' })).code).toBe(0);
    expect(comments).toHaveLength(2);
    expect(comments[1]?.body).toContain('512');
    expect(it.mutations()).toEqual([]);
  });

  test('says in the summary where it may not, and does not fail', async () => {
    refuses = true;
    const run = await plan();
    refuses = false;
    expect(run.code).toBe(0);
    expect(run.summary).toContain('github-token may not (GitHub answered 403)');
    expect((await plan({ 'github-token': '' })).summary).toContain('github-token is empty');
  });

  test('of another event writes none', async () => {
    const before = JSON.stringify(comments);
    const run = await plan({}, 'push');
    expect(run.summary).not.toContain('comment');
    expect(JSON.stringify(comments)).toBe(before);
  });
});
