// Replaces the C++ module of AWS's runtime client, see runtime-client.ts: the two responses of the Lambda Runtime API.
import { request } from 'node:http';

/** Sends the handler's result, as JSON. */
export function done(requestId: string, body: string): void {
  post(`${requestId}/response`, body);
}

/** Sends the handler's error, as JSON. */
export function error(requestId: string, body: string): void {
  post(`${requestId}/error`, body);
}

function post(path: string, body: string): void {
  const [host = '', port = ''] = (process.env.AWS_LAMBDA_RUNTIME_API ?? '').split(':');
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  request({ host, port, method: 'POST', path: `/2018-06-01/runtime/invocation/${path}`, headers }, (response) => response.resume())
    .on('error', (failure) => {
      console.error(failure);
      process.exit(1);
    })
    .end(body);
}
