/** What the simulated markets are about. The same subjects on both venues, so that pairs can be found. */
export interface Subject {
  readonly code: string;
  readonly category: string;
  readonly question: string;
  readonly unit: string;
}

export const SUBJECTS: readonly Subject[] = [
  {
    code: 'BTC',
    category: 'Crypto',
    question: 'Will the price of Bitcoin be above',
    unit: 'thousand dollars',
  },
  { code: 'ETH', category: 'Crypto', question: 'Will the price of Ether be above', unit: 'hundred dollars' },
  {
    code: 'HIGHNY',
    category: 'Climate and Weather',
    question: 'Will the highest temperature in New York exceed',
    unit: 'degrees',
  },
  {
    code: 'RAINSEA',
    category: 'Climate and Weather',
    question: 'Will rain in Seattle exceed',
    unit: 'millimetres',
  },
  {
    code: 'CPI',
    category: 'Economics',
    question: 'Will yearly inflation exceed',
    unit: 'tenths of a percent',
  },
  {
    code: 'FED',
    category: 'Economics',
    question: 'Will the upper bound of the federal funds rate be above',
    unit: 'eighths of a percent',
  },
  { code: 'POINTS', category: 'Sports', question: 'Will the home team score more than', unit: 'points' },
  { code: 'SEATS', category: 'Politics', question: 'Will the governing party win more than', unit: 'seats' },
  {
    code: 'BOXOFFICE',
    category: 'Entertainment',
    question: 'Will the opening weekend bring more than',
    unit: 'million dollars',
  },
  {
    code: 'LAUNCH',
    category: 'Science and Technology',
    question: 'Will there be more launches than',
    unit: 'this quarter',
  },
];

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

/** `26DEC31`, as event tickers end. */
export function tickerDate(days: number): string {
  const date = new Date(Date.UTC(2026, 11, 1 + days));
  return `${String(date.getUTCFullYear()).slice(2)}${MONTHS[date.getUTCMonth()]}${String(date.getUTCDate()).padStart(2, '0')}`;
}
