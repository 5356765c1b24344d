import type { Price } from '../../units/price.ts';
import { textOf } from '../field-values.ts';
import type { SettlementReader } from '../settlement.ts';

const DOLLAR = 1_000_000 as Price;

/** `market_resolved` names the token that won, of which each contract pays one dollar (protocol: market channel). */
export const polymarketSettlement: SettlementReader = {
  types: ['market_resolved'],
  outcomeOf(_market, details) {
    const instrument = textOf(details['winning_asset_id']) ?? null;
    return {
      outcome: textOf(details['winning_outcome']) ?? null,
      instrument,
      value: instrument === null ? null : DOLLAR,
    };
  },
};
