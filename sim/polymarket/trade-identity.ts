import { derivedTradeId, type TradeFacts, withOrdinal } from '#src/venues/polymarket/trade-id.ts';

/** Ids of trades as the tape derives them: one by one, in the order in which the exchange tells of them. */
export class TradeIdentity {
  #transaction = '';
  readonly #equals = new Map<string, number>();

  /** Equal fills are of one transaction, whose messages follow each other. */
  of(facts: TradeFacts): string {
    if (facts.transaction !== this.#transaction) this.#equals.clear();
    this.#transaction = facts.transaction;
    const id = derivedTradeId(facts);
    const ordinal = this.#equals.get(id) ?? 0;
    this.#equals.set(id, ordinal + 1);
    return withOrdinal(id, ordinal);
  }
}
