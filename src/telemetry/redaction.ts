/** Names of values that are never shown. `token` alone is not one: outcome tokens are instruments. */
const SECRET_NAME =
  /secret|passw(or)?d|passphrase|private[-_]?key|authorization|signature|credential|cookie|api[-_]?key|access[-_]?key|(auth|access|session|bearer|refresh|id)[-_]?token$/i;
const HIDDEN = '[hidden]';
const PEM = /-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(-----END [A-Z0-9 ]+-----|$)/g;
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi;
const BEARER = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const SIGNED_QUERY =
  /([?&](?:x-amz-signature|x-amz-credential|x-amz-security-token|signature|api_?key|access_token)=)[^&\s"]+/gi;
const AWS_KEY = /\b(AKIA|ASIA)[A-Z0-9]{16}\b/g;
const DEEPEST = 8;

/** The text without private keys, passwords in URLs, bearer tokens, signed query parameters and AWS key ids. */
export function scrubText(text: string): string {
  return text
    .replace(PEM, HIDDEN)
    .replace(URL_PASSWORD, `$1:${HIDDEN}@`)
    .replace(BEARER, `$1 ${HIDDEN}`)
    .replace(SIGNED_QUERY, `$1${HIDDEN}`)
    .replace(AWS_KEY, HIDDEN);
}

/**
 * A copy fit to be shown as JSON: secrets hidden by their name and by their looks, errors as objects, BigInt as
 * text, bytes as their number, cycles and great depth cut off. Never throws.
 */
export function redact(value: unknown): unknown {
  return copy(value, 0, new Set());
}

function copy(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (above.has(value)) return '[circular]';
  if (depth >= DEEPEST) return '[deeper]';
  above.add(value);
  try {
    if (value instanceof Error) return copyError(value, depth, above);
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1, above));
    const entries =
      value instanceof Map
        ? [...value].map(([key, item]) => [String(key), item] as const)
        : Object.entries(value);
    if (value instanceof Set) return [...value].map((item) => copy(item, depth + 1, above));
    return copyEntries(entries, depth, above);
  } catch (error) {
    return `[not readable: ${scrubText(String(error))}]`;
  } finally {
    above.delete(value);
  }
}

function copyEntries(
  entries: readonly (readonly [string, unknown])[],
  depth: number,
  above: Set<object>,
): object {
  const shown: Record<string, unknown> = {};
  for (const [name, item] of entries) {
    const secret = SECRET_NAME.test(name) && item !== null && item !== undefined && typeof item !== 'boolean';
    shown[name] = secret ? HIDDEN : copy(item, depth + 1, above);
  }
  return shown;
}

function copyError(error: Error, depth: number, above: Set<object>): object {
  const { name, message, stack, cause } = error;
  return {
    type: name,
    message: scrubText(message),
    ...(stack === undefined ? {} : { stack: scrubText(stack) }),
    ...(cause === undefined ? {} : { cause: copy(cause, depth + 1, above) }),
    ...copyEntries(Object.entries(error), depth, above),
  };
}
