import type { Price } from '../../units/price.ts';
import { millionthsOf, textOf } from '../field-values.ts';
import type { SettlementReader } from '../settlement.ts';

/**
 * `determined` says what was decided, and again when a decision is amended; `settled` says that it was paid, and of
 * itself no more (protocol: market lifecycle). The value is of one YES contract.
 */
export const kalshiSettlement: SettlementReader = {
  types: ['determined', 'settled'],
  outcomeOf(market, details) {
    const value = millionthsOf(details['settlement_value']);
    return {
      outcome: textOf(details['result']) ?? null,
      instrument: market,
      value: Number.isNaN(value) ? null : (value as Price),
    };
  },
};
