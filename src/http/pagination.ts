/** One page of a listing and where the next begins. */
export interface CursorPage<T> {
  readonly items: readonly T[];
  /** Null on the last page. */
  readonly next: string | null;
}

/** A listing that comes back to a page it has already given: it would never end, and may not be whole. */
export class RepeatedCursorError extends Error {
  override readonly name = 'RepeatedCursorError';
}

/**
 * Walks a cursor listing page by page. An empty page with a cursor seen before is its end; a filled one is an
 * error, because what it repeats may stand in the place of what was never given.
 *
 * @param fetchPage asked with null first
 * @throws RepeatedCursorError
 */
export async function* cursorPages<T>(
  listing: string,
  fetchPage: (cursor: string | null) => Promise<CursorPage<T>>,
): AsyncGenerator<readonly T[]> {
  const seen = new Set<string>();
  let cursor: string | null = null;
  for (;;) {
    const page: CursorPage<T> = await fetchPage(cursor);
    yield page.items;
    if (page.next === null) return;
    if (seen.has(page.next)) {
      if (page.items.length === 0) return;
      throw new RepeatedCursorError(`${listing}: page ${seen.size + 1} names a cursor that was already used`);
    }
    seen.add(page.next);
    cursor = page.next;
  }
}
