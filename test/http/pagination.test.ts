import { describe, expect, it } from 'vitest';
import { cursorPages, RepeatedCursorError } from '#src/http/pagination.ts';

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages) items.push(...page);
  return items;
}

describe('a cursor listing', () => {
  it('is walked to its end', async () => {
    const pages = [
      { items: [1, 2], next: 'b' },
      { items: [3], next: null },
    ];
    const asked: (string | null)[] = [];
    const items = await all(
      cursorPages('/things', async (cursor) => {
        asked.push(cursor);
        return pages[asked.length - 1]!;
      }),
    );
    expect(items).toEqual([1, 2, 3]);
    expect(asked).toEqual([null, 'b']);
  });

  it('is an error when it goes round in circles', async () => {
    const walk = all(cursorPages('/things', async () => ({ items: [1], next: 'again' })));
    await expect(walk).rejects.toThrow(RepeatedCursorError);
    await expect(walk).rejects.toThrow(/\/things: page 2 names a cursor that was already used/);
  });

  it('ends at an empty page that repeats its cursor', async () => {
    let asked = 0;
    const items = await all(
      cursorPages('/things', async () => ({ items: asked++ === 0 ? [1] : [], next: 'same' })),
    );
    expect(items).toEqual([1]);
  });
});
