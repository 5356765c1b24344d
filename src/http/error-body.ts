/** What an error body says, whatever its shape. */
export interface ErrorBody {
  readonly code: string | null;
  /** One line. */
  readonly message: string;
}

const KEPT = 300;

/**
 * Reads the error bodies the venues are known to send: `{code, message, details}`, the same nested in `error`,
 * `{"error": "text"}`, a page of HTML from something in between, plain text, or nothing.
 */
export function readErrorBody(text: string): ErrorBody {
  const trimmed = text.trim();
  if (trimmed === '') return { code: null, message: 'empty body' };
  if (trimmed.startsWith('<')) return { code: null, message: readHtml(trimmed) };
  let parsed: unknown;
  try {
    parsed = JSON.parse(trimmed);
  } catch {
    return { code: null, message: shorten(trimmed) };
  }
  return readObject(parsed) ?? { code: null, message: shorten(trimmed) };
}

/** The start of a text on one line, for messages and logs. */
export function shorten(text: string, length: number = KEPT): string {
  const line = text
    .slice(0, length * 4)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > length || text.length > length * 4 ? `${line.slice(0, length)}…` : line;
}

function readObject(value: unknown): ErrorBody | undefined {
  if (typeof value === 'string') return { code: null, message: shorten(value) };
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const code = word(fields['code']);
  const message = word(fields['message']) ?? word(fields['errorMsg']) ?? word(fields['details']);
  if (code === null && message === null) {
    return fields['error'] === undefined ? undefined : readObject(fields['error']);
  }
  const details = word(fields['details']);
  const parts = [message, details === message ? null : details].filter((part) => part !== null);
  return { code, message: shorten(parts.join(': ') || code!) };
}

function word(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

function readHtml(text: string): string {
  const title = /<title[^>]*>([^<]{1,200})<\/title>/i.exec(text)?.[1];
  return `HTML page${title === undefined ? '' : ` "${shorten(title)}"`}`;
}
