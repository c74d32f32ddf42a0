// The part of the official client that the function uses, @opensearch-project/opensearch: its transport, its pool and its connection.
//
// Its class Client loads the functions of every API of OpenSearch, 26 ms of processor time at each start, as much as Node itself takes;
// its parts loaded one by one take 12 ms, most of them for Node's own http and https (measured as least of twelve starts).
import type * as Library from '@opensearch-project/opensearch';
import ConnectionClass from '@opensearch-project/opensearch/lib/Connection.js';
import pool from '@opensearch-project/opensearch/lib/pool/index.js';
import SerializerClass from '@opensearch-project/opensearch/lib/Serializer.js';
import TransportClass from '@opensearch-project/opensearch/lib/Transport.js';

// The files are CommonJS modules that export their class itself; their types declare it as `default`.
export const Connection = ConnectionClass as unknown as typeof Library.Connection;
export const ConnectionPool = pool.ConnectionPool;
export const Serializer = SerializerClass as unknown as typeof Library.Serializer;
export const Transport = TransportClass as unknown as typeof Library.Transport;
