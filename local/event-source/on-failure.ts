import type { KinesisStreamRecord } from 'aws-lambda';
import type { ObjectStore } from '#src/archive/object-store.ts';

/** Folder in which Lambda lays what an event source gave up. */
const FOLDER = 'aws/lambda';

/** A record that was given up, as an object of an on-failure destination: what it was, and why. */
export async function putAside(
  store: Pick<ObjectStore, 'put'>,
  source: { readonly id: string; readonly functionName: string },
  record: KinesisStreamRecord,
  reason: string,
  at: Date,
  uniqueId: string,
): Promise<void> {
  const shard = record.eventID.slice(0, record.eventID.indexOf(':'));
  const day = at.toISOString().slice(0, 10).replaceAll('-', '/');
  const key = `${FOLDER}/${source.id}/${shard}/${day}/${at.toISOString()}-${uniqueId}`;
  const content = {
    requestContext: { functionName: source.functionName, condition: reason },
    timestamp: at.toISOString(),
    payload: { Records: [record] },
  };
  await store.put(key, Buffer.from(JSON.stringify(content)));
}
