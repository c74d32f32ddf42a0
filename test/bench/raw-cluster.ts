// Requests to a cluster with nothing around them: what the product is compared with.
import { Agent, request } from 'node:http';

/** Posts texts by so many connections. */
export class RawCluster {
  readonly #agent: Agent;
  readonly #url: string;

  constructor(url: string, connections: number) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** @returns the response's text @throws {Error} for another status than 200 */
  post(path: string, body: string | Buffer, type = 'application/json'): Promise<string> {
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      request(this.#url + path, { method: 'POST', agent: this.#agent, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(text));
        });
      })
        .on('error', reject)
        .end(body);
    });
  }
}
