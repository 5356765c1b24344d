/** The five characters by which PostgreSQL names an error; empty for any other error. */
export function sqlState(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
}

/**
 * Whether the database refused the data itself, so that trying again cannot help: class 22 (a value that a type
 * cannot hold), 23 (a constraint), 54 (a row or key that is too large).
 */
export function isDataError(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlState(error));
}
