/** The part of `pg-copy-streams` that is used here; the package has no types of its own. */
declare module 'pg-copy-streams' {
  import type { Readable, ReadableOptions, Writable } from 'node:stream';
  import type { Submittable } from 'pg';

  /** COPY … FROM STDIN: bytes written are rows. */
  export function from(statement: string): Writable & Submittable;
  /** COPY … TO STDOUT: rows as bytes. */
  export function to(statement: string, options?: ReadableOptions): Readable & Submittable;
}
