/** The same event on both sides, or what one side lacks. */
export type Joined<Row> =
  | { readonly tape: Row; readonly line: Row }
  | { readonly tape: Row; readonly line: null }
  | { readonly tape: null; readonly line: Row };

/** Pairs equal rows of two streams in ascending order, holding one row of each. Of equal ones, the nth goes with the nth. */
export async function* joinedRows<Row>(
  tape: AsyncGenerator<Row>,
  line: AsyncGenerator<Row>,
  compare: (left: Row, right: Row) => number,
): AsyncGenerator<Joined<Row>> {
  try {
    let left = await tape.next();
    let right = await line.next();
    for (;;) {
      if (left.done === true && right.done === true) return;
      const order = left.done === true ? 1 : right.done === true ? -1 : compare(left.value, right.value);
      if (order < 0) yield { tape: left.value as Row, line: null };
      else if (order > 0) yield { tape: null, line: right.value as Row };
      else yield { tape: left.value as Row, line: right.value as Row };
      if (order <= 0) left = await tape.next();
      if (order >= 0) right = await line.next();
    }
  } finally {
    await tape.return(undefined);
    await line.return(undefined);
  }
}
