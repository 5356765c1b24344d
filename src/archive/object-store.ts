/** There is no object with this key. */
export class ObjectNotFoundError extends Error {
  override readonly name = 'ObjectNotFoundError';
  readonly key: string;

  constructor(key: string) {
    super(`there is no object ${JSON.stringify(key)}`);
    this.key = key;
  }
}

/**
 * Port to an object store (S3). Keys use forward slashes. `put` replaces what was there, wholly or not at all;
 * `get` and `metadata` reject with `ObjectNotFoundError` where there is nothing.
 */
export interface ObjectStore {
  /** Metadata names are lower-case words with hyphens; all of it together at most 2 kB. */
  put(
    key: string,
    body: Uint8Array | { readonly file: string },
    metadata?: Readonly<Record<string, string>>,
  ): Promise<void>;
  get(key: string): Promise<Uint8Array>;
  metadata(key: string): Promise<Readonly<Record<string, string>>>;
  /** Keys under a prefix, ascending by their bytes. */
  list(prefix: string): AsyncIterable<string>;
}
