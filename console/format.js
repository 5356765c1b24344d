const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** A count, with its thousands apart. */
export const count = (value) => (value === null || value === undefined ? '–' : whole.format(value));

/** A count in few characters. */
export const brief = (value) => (value === null || value === undefined ? '–' : short.format(value));

/** Micro-dollars as dollars, digit by digit: never through a fraction. At least two places, no zeros behind. */
export function dollars(micros) {
  if (micros === null || micros === undefined) return '–';
  const sign = micros < 0 ? '−' : '';
  const digits = String(Math.abs(micros)).padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0{1,4}$/, '');
  return `${sign}${digits.slice(0, -6)}.${fraction}`;
}

/** Micro-contracts as contracts. */
export function contracts(micros) {
  if (micros === null || micros === undefined) return '–';
  const digits = String(Math.abs(micros)).padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0+$/, '');
  const text = whole.format(Number(digits.slice(0, -6)));
  return `${micros < 0 ? '−' : ''}${text}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Microseconds since the epoch as a time of the day, UTC. */
export const timeOfDay = (micros, digits = 3) =>
  new Date(micros / 1_000).toISOString().slice(11, digits === 0 ? 19 : 20 + digits);

/** Microseconds since the epoch as day and time, UTC. */
export const dayAndTime = (micros) => new Date(micros / 1_000).toISOString().slice(0, 19).replace('T', ' ');

/** Seconds in the unit that suits. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}

/** A long identifier with its middle left out. */
export const shortId = (id, length = 28) =>
  id.length <= length ? id : `${id.slice(0, length - 9)}…${id.slice(-8)}`;
