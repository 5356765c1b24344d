/** Why the embedded server could not be started or used, in one line that a person can act on. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';
}

/** What the server's own messages mean for whoever started it. The first that matches is told. */
const causes: readonly (readonly [pattern: RegExp, cause: string])[] = [
  [/No space left on device/, 'the disk is full'],
  [/could not bind|Address already in use/, 'the port is in use by another program'],
  [/could not resize shared memory|could not create shared memory segment/, 'shared memory is too small'],
  [
    /could not map anonymous shared memory|Cannot allocate memory|out of memory/i,
    'there is too little memory',
  ],
  [
    /Permission denied/,
    'files in the data directory may not be read or written by the account of the server',
  ],
  [/Read-only file system/, 'the file system of the data directory is read-only'],
  [
    /database files are incompatible|was initialized by PostgreSQL version/,
    'its data was made by another version of PostgreSQL',
  ],
  [/invalid locale|locale .* (not|is not)/i, 'the locale of the data is not known on this machine'],
  [/cannot be run as root|cannot execute .* as "root"|must not be run as root/i, 'it may not run as root'],
  [
    /GLIBC|error while loading shared libraries|not found \(required by/,
    'a system library is missing or too old',
  ],
];

/** The cause that the server's output names, with the line that says so; else its last line. */
export function causeOf(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  for (const [pattern, cause] of causes) {
    const line = lines.findLast((candidate) => pattern.test(candidate));
    if (line !== undefined) return `${cause} (${line.trim()})`;
  }
  const fatal = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1);
  return fatal?.trim() ?? 'it said nothing';
}

/** A file system error as one line: what was to be done, where, and why it could not. */
export function fileError(doing: string, path: string, error: unknown): PostgresError {
  const code = (error as NodeJS.ErrnoException).code;
  const why =
    code === 'EACCES' || code === 'EPERM'
      ? 'permission denied'
      : code === 'ENOSPC'
        ? 'the disk is full'
        : code === 'EROFS'
          ? 'the file system is read-only'
          : code === 'ENOTDIR' || code === 'EEXIST'
            ? 'a file is in the way'
            : (error as Error).message;
  return new PostgresError(`cannot ${doing} ${path}: ${why}`);
}
