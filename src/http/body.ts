/** A body longer than allowed; reading stopped there. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

/**
 * Reads a response body as UTF-8 text, up to `maxBytes` of it after decompression.
 *
 * @throws BodyTooLargeError when there is more; whatever the stream throws when the connection breaks.
 */
export async function readBody(response: Response, maxBytes: number): Promise<string> {
  const announced = Number(response.headers.get('content-length') ?? 0);
  if (announced > maxBytes) {
    await response.body?.cancel().catch(() => {});
    throw new BodyTooLargeError(`body of ${announced} bytes, allowed are ${maxBytes}`);
  }
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let bytes = 0;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel().catch(() => {});
      throw new BodyTooLargeError(`body of more than ${maxBytes} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

/**
 * `Retry-After` in milliseconds: seconds or an HTTP date.
 *
 * @returns null where the header is absent or says nothing readable
 */
export function retryAfterMillis(headers: Headers, nowMillis: number): number | null {
  const text = headers.get('retry-after')?.trim();
  if (text === undefined || text === '') return null;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMillis);
}
