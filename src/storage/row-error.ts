/** A captured line that is not what its table needs. The line is put aside with this as its reason. */
export class RowError extends Error {
  override readonly name = 'RowError';
}

/** A value as a person reads it in a reason, shortened. */
export function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
