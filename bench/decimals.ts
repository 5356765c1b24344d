import { parseMillionths } from '#src/units/decimal.ts';
import { randomNumbers } from './book-stream.ts';
import { measure, rateRow } from './measure.ts';
import type { Subject } from './row.ts';

const TEXTS = 200_000;

function withBigInt(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

/** Prices and sizes as the two venues write them. */
function decimals(): string[] {
  const random = randomNumbers(11);
  return Array.from({ length: TEXTS }, (_, index) => {
    switch (index % 4) {
      case 0:
        return `0.${String(Math.ceil(random() * 99)).padStart(2, '0')}00`;
      case 1:
        return (Math.ceil(random() * 500_000) / 100).toFixed(2);
      case 2:
        return String(Math.ceil(random() * 999) / 1_000);
      default:
        return String(Math.ceil(random() * 100_000_000) / 100);
    }
  });
}

export const subject: Subject = {
  name: 'decimals',
  run: async (extent) => {
    const texts = decimals();
    for (const text of texts) {
      if (BigInt(parseMillionths(text)) !== withBigInt(text)) throw new Error(`${text} is read wrong`);
    }
    let sum = 0;
    let bigSum = 0n;
    const ours = 'parseMillionths';
    const float = 'parseFloat';
    const big = 'BigInt';
    const rates = await measure(
      [
        {
          name: ours,
          run: () => {
            for (const text of texts) sum += parseMillionths(text);
            return TEXTS;
          },
        },
        {
          name: float,
          run: () => {
            for (const text of texts) sum += Math.round(Number.parseFloat(text) * 1_000_000);
            return TEXTS;
          },
        },
        {
          name: big,
          run: () => {
            for (const text of texts) bigSum += withBigInt(text);
            return TEXTS;
          },
        },
      ],
      extent.rounds,
    );
    if (sum === 0 || bigSum === 0n) throw new Error('nothing was read');
    return [float, big].map((peer) =>
      rateRow(rates, ours, peer, {
        name: `decimal text to integer, beside ${peer}`,
        reach: 1,
        unit: 'texts/s of CPU',
      }),
    );
  },
};
