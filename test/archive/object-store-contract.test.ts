import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import S3rver from 's3rver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import { ObjectNotFoundError, type ObjectStore } from '#src/archive/object-store.ts';
import { S3ObjectStore, s3Client } from '#src/archive/s3-object-store.ts';

const directory = mkdtempSync(join(tmpdir(), 'object-store-'));
const server = new S3rver({
  port: 0,
  address: '127.0.0.1',
  silent: true,
  directory: join(directory, 's3'),
  configureBuckets: [{ name: 'archive' }],
});
let s3: ReturnType<typeof s3Client>;
beforeAll(async () => {
  const { port } = await server.run();
  s3 = s3Client({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
  });
});
afterAll(async () => {
  s3.destroy();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const adapters: [string, () => ObjectStore][] = [
  ['directory', () => new DirectoryObjectStore(join(directory, 'files'))],
  ['S3', () => new S3ObjectStore(s3, 'archive')],
];

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const key of store.list(prefix)) found.push(key);
  return found;
}

describe.each(adapters)('an object store: %s', (_name, open) => {
  test('gives back bytes and metadata as put, from memory and from a file', async () => {
    const store = open();
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 31) & 255);
    const file = join(directory, 'body');
    writeFileSync(file, bytes);
    await store.put('round/date=2026-11-21/memory.bin', bytes, {
      lines: '12',
      'first-received-at': '1763712000000000',
    });
    await store.put('round/date=2026-11-21/file.bin', { file });
    expect(Buffer.compare(await store.get('round/date=2026-11-21/memory.bin'), bytes)).toBe(0);
    expect(Buffer.compare(await store.get('round/date=2026-11-21/file.bin'), bytes)).toBe(0);
    expect(await store.metadata('round/date=2026-11-21/memory.bin')).toEqual({
      lines: '12',
      'first-received-at': '1763712000000000',
    });
    expect(await store.metadata('round/date=2026-11-21/file.bin')).toEqual({});
  });

  test('keeps the later of two puts, and an empty object', async () => {
    const store = open();
    await store.put('twice', Buffer.from('first'), { number: '1' });
    await store.put('twice', new Uint8Array(), { number: '2' });
    expect(Buffer.from(await store.get('twice')).toString()).toBe('');
    expect(await store.metadata('twice')).toEqual({ number: '2' });
  });

  test('lists the keys under a prefix in ascending order, whatever the number', async () => {
    const store = open();
    const expected = ['list/a/b', 'list/a/c/d', 'list/a0', 'list/b'];
    for (const key of [...expected].reverse()) await store.put(key, Buffer.from('x'));
    await store.put('listing', Buffer.from('x'));
    expect(await keys(store, 'list/')).toEqual(expected);
    expect(await keys(store, 'list/a')).toEqual(expected.slice(0, 3));
    expect(await keys(store, 'list/a/')).toEqual(['list/a/b', 'list/a/c/d']);
    expect(await keys(store, 'nothing/here')).toEqual([]);
  });

  test('says of a missing key that it is missing, and rejects a put from a file that is not there', async () => {
    const store = open();
    await expect(store.get('no/such')).rejects.toThrow(ObjectNotFoundError);
    await expect(store.metadata('no/such')).rejects.toThrow(/no\/such/);
    await expect(store.put('absent', { file: join(directory, 'absent') })).rejects.toThrow(/ENOENT/);
    await expect(store.get('absent')).rejects.toThrow(ObjectNotFoundError);
  });
});

test('S3: a large file goes in parts, whole or not at all', async () => {
  const bytes = Uint8Array.from({ length: 25_000 }, (_, index) => (index * 31) & 255);
  const file = join(directory, 'large');
  writeFileSync(file, bytes);
  const store = new S3ObjectStore(s3, 'archive', 9_999, 10_000);
  await store.put('large', { file }, { rows: '12' });
  expect(Buffer.compare(await store.get('large'), bytes)).toBe(0);
  expect(await store.metadata('large')).toEqual({ rows: '12' });

  const sent: string[] = [];
  const failing = {
    send: async (command: object) => {
      sent.push(command.constructor.name);
      if (sent.length === 3) throw new Error('the connection broke');
      return {};
    },
  };
  const broken = new S3ObjectStore(failing as never, 'archive', 9_999, 10_000);
  await expect(broken.put('large', { file })).rejects.toThrow('the connection broke');
  expect(sent).toEqual(['CreateMultipartUploadCommand', 'UploadPartCommand', 'UploadPartCommand']);
});

// The stand-in cannot page on this Node, so a client that answers as the service does takes its place.
test('S3: a listing of several pages is complete', async () => {
  const all = Array.from({ length: 10 }, (_, index) => `page/${index}`);
  const asked: unknown[] = [];
  const client = {
    send: async ({ input }: ListObjectsV2Command) => {
      asked.push(input.ContinuationToken);
      const from = Number(input.ContinuationToken ?? 0);
      const page = all.slice(from, from + 4);
      const more = from + 4 < all.length;
      return {
        Contents: page.map((Key) => ({ Key })),
        IsTruncated: more,
        ...(more ? { NextContinuationToken: String(from + 4) } : {}),
      };
    },
  };
  expect(await keys(new S3ObjectStore(client as unknown as S3Client, 'archive'), 'page/')).toEqual(all);
  expect(asked).toEqual([undefined, '4', '8']);
});

test('directory: keys are in the order of their bytes, where folders would sort differently', async () => {
  const store = new DirectoryObjectStore(join(directory, 'files'));
  for (const key of ['order/a0', 'order/a/b', 'order/a-b']) await store.put(key, Buffer.from('x'));
  expect(await keys(store, 'order/')).toEqual(['order/a-b', 'order/a/b', 'order/a0']);
});

test('directory: a key cannot leave the folder or hide among the metadata', async () => {
  const store = new DirectoryObjectStore(join(directory, 'files'));
  for (const key of ['../out', '/root', 'a//b', 'a/../b', '.metadata/x', '', 'a/']) {
    await expect(store.put(key, Buffer.from('x'))).rejects.toThrow(/not a key/);
  }
});
