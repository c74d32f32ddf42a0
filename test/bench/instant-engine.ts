// A cluster that accepts everything at once, so that only the cost of the client is measured. Prints its address.
import { createServer } from 'node:http';

const ITEM = '{"index":{"status":200}}';

const server = createServer((request, response) => {
  let lines = 0;
  request.on('data', (part: Buffer) => {
    for (let at = part.indexOf(10); at !== -1; at = part.indexOf(10, at + 1)) lines++;
  });
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end(
      request.url?.includes('/_bulk') === true
        ? `{"took":1,"errors":false,"items":[${Array.from({ length: lines / 2 }, () => ITEM).join(',')}]}`
        : '{}',
    );
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
});
