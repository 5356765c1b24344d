import { createHash } from 'node:crypto';
import { ObjectNotFoundError, type ObjectStore } from '../archive/object-store.ts';
import { MICROS_PER_HOUR, type Micros } from '../units/time.ts';
import {
  type Manifest,
  type Partition,
  plainKey,
  readManifest,
  type TapeFile,
  versionKey,
} from './manifest.ts';

/**
 * How long a plain name stays behind the manifest, in microseconds: whoever read the manifest before that one may still
 * be reading what it named.
 */
const BEHIND = MICROS_PER_HOUR;

/** A file whose bytes are told by their checksum. */
interface Contents {
  readonly sha256: string;
  readonly rows: number;
}

/**
 * Where the files of an export lie. What a manifest names, or named within the last hour, never changes: a file goes to
 * its plain name where nothing is, and otherwise to one made of its contents; the plain name follows later.
 */
export class FilePlaces {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Puts a file where it disturbs no reader. @returns its key */
  async put(
    partition: Partition,
    index: number,
    body: Uint8Array | { readonly file: string },
    contents: Contents,
  ): Promise<string> {
    const plain = plainKey(partition, index);
    const there = await checksumOf(this.#store, plain);
    if (there === contents.sha256) return plain;
    if (there === null) {
      await this.#put(plain, body, contents);
      return plain;
    }
    const key = versionKey(partition, contents.sha256);
    if ((await checksumOf(this.#store, key)) !== contents.sha256) await this.#put(key, body, contents);
    return key;
  }

  /** Puts a file again where something else, or nothing, lies under the key that a manifest names. */
  async mend(key: string, file: string, contents: Contents): Promise<void> {
    if ((await checksumOf(this.#store, key)) !== contents.sha256) await this.#put(key, { file }, contents);
  }

  /**
   * Keeps a file that is about to be superseded under a key that nothing else will ever have. One that is gone, or is no
   * longer what its manifest tells, cannot be kept, which is no reason to do without the next.
   */
  async keep(partition: Partition, key: string, contents: Contents): Promise<void> {
    const kept = versionKey(partition, contents.sha256);
    if (kept === key || (await checksumOf(this.#store, kept)) === contents.sha256) return;
    const bytes = await this.#read(key, contents);
    if (bytes !== null) await this.#put(kept, bytes, contents);
  }

  /** The bytes of a file; null where it is not there, or not as told. */
  async #read(key: string, { sha256 }: Contents): Promise<Uint8Array | null> {
    try {
      const bytes = await this.#store.get(key);
      return createHash('sha256').update(bytes).digest('hex') === sha256 ? bytes : null;
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return null;
      throw error;
    }
  }

  /**
   * Brings what a manifest names to the plain names, once no reader can rely on what was there before.
   *
   * @returns false while it is too early for that
   */
  async follow(partition: Partition, arrivals: string | null, now: Micros): Promise<boolean> {
    const manifest = await readManifest(this.#store, partition);
    if (manifest === null) return true;
    if (manifest.exported_at > now - BEHIND)
      return manifest.files.every(({ key }, index) => key === plainKey(partition, index));
    for (const [index, file] of manifest.files.entries()) {
      await this.#follow(partition, index, file);
      if (file.arrivals !== undefined && arrivals !== null)
        await this.#follow({ ...partition, table: arrivals }, index, { ...file.arrivals, rows: file.rows });
    }
    return true;
  }

  async #follow(
    partition: Partition,
    index: number,
    file: Contents & { readonly key: string },
  ): Promise<void> {
    const plain = plainKey(partition, index);
    if (file.key === plain || (await checksumOf(this.#store, plain)) === file.sha256) return;
    const bytes = await this.#read(file.key, file);
    if (bytes === null) throw new Error(`${file.key} is not there as its manifest tells it`);
    await this.#put(plain, bytes, file);
  }

  async #put(
    key: string,
    body: Uint8Array | { readonly file: string },
    { sha256, rows }: Contents,
  ): Promise<void> {
    await this.#store.put(key, body, { sha256, rows: String(rows) });
  }
}

/** Whether a place has a file as its manifest tells it, how its rows came included. @returns the key that is otherwise */
export async function missingOf(
  store: ObjectStore,
  { key, sha256, arrivals }: Pick<TapeFile, 'key' | 'sha256' | 'arrivals'>,
): Promise<string | null> {
  if ((await checksumOf(store, key)) !== sha256) return key;
  if (arrivals === undefined || (await checksumOf(store, arrivals.key)) === arrivals.sha256) return null;
  return arrivals.key;
}

/** The checksum that a file was placed with; null where there is no file. */
async function checksumOf(store: ObjectStore, key: string): Promise<string | null> {
  try {
    return (await store.metadata(key))['sha256'] ?? '';
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return null;
    throw error;
  }
}

/** Whether manifests of this form lack nothing that those of today have: of changes, how they came. */
export const isOfToday = ({ files }: Pick<Manifest, 'files'>, hasArrivals: boolean): boolean =>
  !hasArrivals || files.every(({ arrivals }) => arrivals !== undefined);
