import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { ObjectNotFoundError, type ObjectStore } from './object-store.ts';

export interface S3Connection {
  readonly region: string;
  /** A stand-in's address; absent for the service itself. */
  readonly endpoint?: string;
  /** Only for stand-ins; otherwise the SDK finds the role's own. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** A client for the service, or for a stand-in, which knows neither bucket host names nor trailing checksums. */
export function s3Client(connection: S3Connection): S3Client {
  const config: S3ClientConfig = {
    region: connection.region,
    // Without these a connection that went silent would hold up the uploads for ever.
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 120_000 },
  };
  if (connection.credentials !== undefined) config.credentials = connection.credentials;
  if (connection.endpoint !== undefined) {
    config.endpoint = connection.endpoint;
    config.forcePathStyle = true;
    config.requestChecksumCalculation = 'WHEN_REQUIRED';
    config.responseChecksumValidation = 'WHEN_REQUIRED';
  }
  return new S3Client(config);
}

/** A larger file goes in parts: a part that fails is sent again, a stream that fails is not. */
const WHOLE_BYTES = 100 * 2 ** 20;
/** Up to 10,000 of them make an object. */
const PART_BYTES = 32 * 2 ** 20;

/** A bucket behind the port. */
export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  readonly #wholeBytes: number;
  readonly #partBytes: number;

  /** @param wholeBytes files up to this size go in one piece, larger ones in parts of `partBytes`. */
  constructor(client: S3Client, bucket: string, wholeBytes = WHOLE_BYTES, partBytes = PART_BYTES) {
    this.#client = client;
    this.#bucket = bucket;
    this.#wholeBytes = wholeBytes;
    this.#partBytes = partBytes;
  }

  async put(
    key: string,
    body: Uint8Array | { readonly file: string },
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    if (body instanceof Uint8Array) return this.#put(key, body, body.byteLength, metadata);
    const file = await open(body.file, 'r');
    try {
      const { size } = await file.stat();
      if (size > this.#wholeBytes) return await this.#putInParts(key, file, size, metadata);
      const content = file.createReadStream({ autoClose: false });
      // A put that fails before it reads leaves the stream without anyone to hear of its errors.
      content.on('error', () => {});
      await this.#put(key, content, size, metadata);
    } finally {
      await file.close();
    }
  }

  async #put(
    key: string,
    content: Uint8Array | Readable,
    bytes: number,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Metadata: { ...metadata },
        Body: content,
        ContentLength: bytes,
      }),
    );
  }

  /** Nothing is there under the key before the last part is. Parts of an upload that broke off, the bucket forgets. */
  async #putInParts(
    key: string,
    file: FileHandle,
    bytes: number,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void> {
    const object = { Bucket: this.#bucket, Key: key };
    const { UploadId } = await this.#client.send(
      new CreateMultipartUploadCommand({ ...object, Metadata: { ...metadata } }),
    );
    const parts: CompletedPart[] = [];
    for (let from = 0; from < bytes; from += this.#partBytes) {
      const part = Buffer.alloc(Math.min(this.#partBytes, bytes - from));
      await readWhole(file, part, from);
      const PartNumber = parts.length + 1;
      const { ETag } = await this.#client.send(
        new UploadPartCommand({ ...object, UploadId, PartNumber, Body: part }),
      );
      parts.push({ ETag, PartNumber });
    }
    await this.#client.send(
      new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts: parts } }),
    );
  }

  async get(key: string): Promise<Uint8Array> {
    const answer = await this.#orNotFound(key, () =>
      this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key })),
    );
    return answer.Body === undefined ? new Uint8Array() : answer.Body.transformToByteArray();
  }

  async metadata(key: string): Promise<Readonly<Record<string, string>>> {
    const answer = await this.#orNotFound(key, () =>
      this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key })),
    );
    return answer.Metadata ?? {};
  }

  async *list(prefix: string): AsyncIterable<string> {
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: prefix,
          ContinuationToken: token,
        }),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async #orNotFound<T>(key: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const name = (error as Error).name;
      if (name === 'NoSuchKey' || name === 'NotFound') throw new ObjectNotFoundError(key);
      throw error;
    }
  }
}

/** @throws Error when the file ends before the buffer is full. */
async function readWhole(file: FileHandle, buffer: Buffer, from: number): Promise<void> {
  for (let done = 0; done < buffer.byteLength; ) {
    const { bytesRead } = await file.read(buffer, done, buffer.byteLength - done, from + done);
    if (bytesRead === 0) throw new Error('the file became shorter while it was sent');
    done += bytesRead;
  }
}
