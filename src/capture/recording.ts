import type { Micros } from '../units/time.ts';

/**
 * One line of a raw recording. A line holds either a frame as received or a command that this side sent
 * (`sent`); both are text. A binary frame is kept as base64 in `binary`.
 *
 * In a file it is `{"t":…,"conn":"…","frame":…}`, its text as a JSON string or, where that is an object or a list in one
 * line, as it is: `src/recording/unescaped.ts`.
 */
export interface RecordedLine {
  readonly t: Micros;
  readonly conn: string;
  readonly frame?: string;
  readonly sent?: string;
  readonly binary?: string;
}
