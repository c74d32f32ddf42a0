// A cluster that accepts everything at once, to test the function before and after it.
import { createServer } from 'node:http';
import { listen, readBody } from '../stack/loopback.ts';

export interface FakeCluster {
  readonly url: string;
  /** Index and id of each operation that came, in order: `orders/a`. */
  readonly written: string[];
  /** Other requests that change something: `PUT /orders`. */
  readonly changes: string[];
  stop(): Promise<void>;
}

export async function startFakeCluster(): Promise<FakeCluster> {
  const written: string[] = [];
  const changes: string[] = [];
  const { url, stop } = await listen(
    createServer((request, response) => {
      void readBody(request).then((body) => {
        const path = request.url ?? '';
        const [, index] = /^\/([^/]+)\/_bulk/.exec(path) ?? [];
        if (index === undefined) {
          if (request.method !== 'GET') changes.push(`${request.method} ${path}`);
          response.end('{}');
          return;
        }
        const items = body
          .toString()
          .split('\n')
          .filter((line) => /^\{"(?:index|delete)":\{"_id"/.test(line))
          .map((line) => {
            const [[action, { _id }] = ['', { _id: '' }]] = Object.entries(JSON.parse(line) as Record<string, { _id: string }>);
            written.push(`${index}/${_id}`);
            return { [action]: { status: 200 } };
          });
        response.end(JSON.stringify({ errors: false, items }));
      });
    }),
  );
  return { url, written, changes, stop };
}
