// By what two looks at the same item and document are compared.
import { createHash } from 'node:crypto';
import type { IndexedDocument } from '../../cluster/documents.ts';

/** Of the document that an item gives; null: none. */
export const itemDigest = (text: string | undefined): string | null =>
  text === undefined ? null : createHash('sha256').update(text).digest('base64').slice(0, 22);

/** Of a document: every write changes its sequence number. */
export const documentDigest = (document: Pick<IndexedDocument, 'version' | 'sequenceNumber'> | undefined): string | null =>
  document === undefined ? null : `${document.version}/${document.sequenceNumber}`;
