import { type Dirent, existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ObjectNotFoundError, type ObjectStore } from './object-store.ts';

const METADATA = '.metadata';
const PART = '.part';

/** An object store in a folder: keys are paths, metadata lies in a shadow tree beside them. */
export class DirectoryObjectStore implements ObjectStore {
  readonly #root: string;
  #puts = 0;

  constructor(root: string) {
    this.#root = root;
  }

  async put(
    key: string,
    body: Uint8Array | { readonly file: string },
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    checkKey(key);
    const number = this.#puts++;
    await this.#replace(key, number, (path) =>
      body instanceof Uint8Array ? writeFile(path, body) : copyFile(body.file, path),
    );
    // Last: whoever dies between the two leaves an object that does not claim to be what it is not.
    await this.#replace(join(METADATA, `${key}.json`), number, (path) =>
      writeFile(path, JSON.stringify(metadata)),
    );
  }

  async #replace(relative: string, number: number, write: (path: string) => Promise<void>): Promise<void> {
    const path = join(this.#root, relative);
    const part = `${path}.${process.pid}-${number}${PART}`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await write(part);
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  get(key: string): Promise<Uint8Array> {
    return this.#read(key, key);
  }

  async metadata(key: string): Promise<Readonly<Record<string, string>>> {
    const bytes = await this.#read(key, join(METADATA, `${key}.json`));
    if (!existsSync(join(this.#root, key))) throw new ObjectNotFoundError(key);
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, string>;
  }

  async #read(key: string, relative: string): Promise<Uint8Array> {
    checkKey(key);
    try {
      return await readFile(join(this.#root, relative));
    } catch (error) {
      if (isMissing(error)) throw new ObjectNotFoundError(key);
      throw error;
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    for await (const key of this.#walk(folder)) if (key.startsWith(prefix)) yield key;
  }

  async *#walk(folder: string): AsyncIterable<string> {
    let entries: Dirent[];
    try {
      entries = await readdir(join(this.#root, folder), { withFileTypes: true });
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    // With its slash, a folder sorts where its keys do.
    const names = entries
      .filter((entry) => !entry.name.endsWith(PART) && !(folder === '' && entry.name === METADATA))
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    for (const name of names) {
      if (name.endsWith('/')) yield* this.#walk(folder + name);
      else yield folder + name;
    }
  }
}

function checkKey(key: string): void {
  const parts = key.split('/');
  const bad =
    parts.some((part) => part === '' || part === '.' || part === '..') ||
    parts[0] === METADATA ||
    key.endsWith(PART);
  if (bad) throw new Error(`not a key for an object: ${JSON.stringify(key)}`);
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
