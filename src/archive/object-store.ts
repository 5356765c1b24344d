/** Port to an object store (S3). Keys use forward slashes. */
export interface ObjectStore {
  put(key: string, body: Uint8Array | { readonly file: string }, metadata?: Readonly<Record<string, string>>): Promise<void>;
  get(key: string): Promise<Uint8Array>;
  /** Keys under a prefix, ascending. */
  list(prefix: string): AsyncIterable<string>;
}
