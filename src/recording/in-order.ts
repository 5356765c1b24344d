/** A part of a recording: a file, or files that were written one after the other. */
export interface RecordingPart<Line> {
  /** Receive time of its first line; infinite where its lines have no times. */
  readonly begin: number;
  /** Read once, not before everything that was received earlier. */
  lines(): AsyncIterator<Line>;
}

/**
 * Lines of several parts in the order in which they were received. The order within a part stays, also where its times
 * go back; of equal times the part that was read first comes first. Parts without times follow all others, one after
 * the other. A part is opened when its time has come, so that few are open at once.
 *
 * @param timeOf receive time of a line; 0 where it has none, which puts it right behind the line before it
 */
export async function* inReceiveOrder<Line>(
  parts: readonly RecordingPart<Line>[],
  timeOf: (line: Line) => number,
): AsyncGenerator<Line> {
  const waiting = parts.toSorted((left, right) =>
    left.begin < right.begin ? -1 : +(left.begin > right.begin),
  );
  const heads: { source: AsyncIterator<Line>; line: Line; time: number }[] = [];
  const advance = async (source: AsyncIterator<Line>): Promise<void> => {
    const next = await source.next();
    if (next.done === true) return;
    const time = timeOf(next.value);
    let place = heads.findIndex((head) => head.time > time);
    if (place < 0) place = heads.length;
    heads.splice(place, 0, { source, line: next.value, time });
  };
  try {
    while (heads.length > 0 || waiting.length > 0) {
      const isDue = (heads[0]?.time ?? Number.POSITIVE_INFINITY) >= (waiting[0]?.begin ?? Number.NaN);
      if (isDue && (heads.length === 0 || waiting[0]!.begin < Number.POSITIVE_INFINITY)) {
        await advance(waiting.shift()!.lines());
        continue;
      }
      const head = heads.shift()!;
      yield head.line;
      await advance(head.source);
    }
  } finally {
    for (const { source } of heads) await source.return?.();
  }
}
