// Makes events in a thread of its own. As on Lambda, the one that is measured gets them as text from outside: neither the work nor the
// garbage of making them is its own.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { event, type View } from './events.ts';

interface Wanted {
  readonly size: number;
  /** Number of the first item. */
  readonly from: number;
  readonly view: View | undefined;
}

if (!isMainThread) {
  parentPort?.on('message', ({ size, from, view }: Wanted) => {
    const bytes = new TextEncoder().encode(event('Bench', size, from, view));
    parentPort?.postMessage(bytes, [bytes.buffer]);
  });
}

/** Gives events as the bytes of their text. */
export function eventSource(): (wanted: Wanted) => Promise<Buffer> {
  const worker = new Worker(new URL(import.meta.url));
  worker.unref();
  return async (wanted) => {
    worker.postMessage(wanted);
    const [bytes] = (await once(worker, 'message')) as [Uint8Array<ArrayBuffer>];
    return Buffer.from(bytes.buffer);
  };
}
