import { afterAll, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment } from './deployment.ts';

const stack = await useStack();
const it = await prepareDeployment(stack);

interface Comment {
  readonly id: number;
  body: string;
  readonly user: { readonly login: string };
}

/** As much of GitHub as the comment needs. */
const comments: Comment[] = [];
const JOB = 'github-actions[bot]';
let refuses = false;
/** The user that the token writes as, and whether GitHub reports it. */
let writer = { login: JOB, told: false };
let nextId = 1;
const add = (login: string, body: string): number => comments.push({ id: nextId++, body, user: { login } });
const github = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    const reply = (status: number, value?: unknown): void => {
      response.statusCode = status;
      response.end(value === undefined ? undefined : JSON.stringify(value));
    };
    const { method, url = '' } = request;
    const id = Number(/comments\/(\d+)$/.exec(url)?.[1] ?? 0);
    const at = comments.findIndex((one) => one.id === id);
    if (refuses) reply(403, { message: 'Resource not accessible by integration' });
    else if (url === '/user' && writer.told) reply(200, { login: writer.login });
    else if (url === '/user') reply(403, { message: 'Resource not accessible by integration' });
    else if (method === 'GET') reply(200, comments);
    else if (method === 'DELETE') {
      comments.splice(at, 1);
      reply(204);
    } else {
      const { body: text } = JSON.parse(body) as { body: string };
      const found = comments[at];
      if (found === undefined) add(writer.login, text);
      else found.body = text;
      reply(found === undefined ? 201 : 200, found ?? comments.at(-1));
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
    add('person', 'a comment of a person');
    expect((await plan()).code).toBe(0);
    expect(comments).toHaveLength(2);
    expect(comments[1]?.body).toContain('memory-size');
    expect(comments[1]?.body).toContain('### Needs attention\n\n- **');
    expect((await plan({ 'memory-size': '512' })).code).toBe(0);
    expect(comments).toHaveLength(2);
    expect(comments[1]?.body).toContain('512');
    expect(it.mutations()).toEqual([]);
  });

  test.each([
    ['the token of the job, whose user GitHub does not report', JOB, false],
    ['the token of a person', 'someone', true],
    ['the token of an app of their own, whose user GitHub does not report', 'deployer[bot]', false],
  ])('writes over no comment of another user, whoever wrote the marker first: %s', async (_, login, told) => {
    writer = { login, told };
    comments.length = 0;
    const marker = `<!-- dynamodb-to-opensearch plan ${it.name} STAGE -->`;
    const foreign = `${marker}\nNothing to change.`;
    for (const other of ['attacker', 'github-actions', 'dependabot[bot]']) add(other, foreign);
    for (const memory of ['256', '512']) {
      expect((await plan({ 'memory-size': memory })).code).toBe(0);
      expect(comments.slice(0, 3).map(({ body }) => body)).toEqual([foreign, foreign, foreign]);
      expect(comments).toHaveLength(4);
      expect(comments[3]).toMatchObject({ user: { login } });
      expect(comments[3]?.body).toContain(memory);
    }
    writer = { login: JOB, told: false };
  });

  test('says in the summary where it may not, and does not fail', async () => {
    refuses = true;
    const run = await plan();
    refuses = false;
    expect(run.code).toBe(0);
    expect(run.summary).toContain('github-token may not (GitHub responded with 403)');
    expect((await plan({ 'github-token': '' })).summary).toContain('github-token is empty');
  });

  test('of another event writes none', async () => {
    const before = JSON.stringify(comments);
    const run = await plan({}, 'push');
    expect(run.summary).not.toContain('comment');
    expect(JSON.stringify(comments)).toBe(before);
  });
});
