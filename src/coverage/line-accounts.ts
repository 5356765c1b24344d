import type { ClientBase } from 'pg';
import { EVERY_INSTRUMENT, latestTime, readLives } from '../storage/production/gap-merge.ts';
import { type LineName, lineNames } from '../storage/production/merge-statements.ts';
import { type Interval, union } from '../tape/intervals.ts';
import type { AccountRules, LineAccount, LineGap } from '../tape/line-account.ts';
import type { TapeRules } from '../tape/rules.ts';
import type { Micros } from '../units/time.ts';

/** Rows that the merge derives from the heartbeats, beside those that the lines recorded. */
const DOWN = 'down:';

/** Condition for rows of the tape's `gaps` that a line itself recorded. */
export const lineGapsOfTape = `gap_id NOT LIKE '${DOWN}%' AND gap_id NOT LIKE '%:restored:%'`;

interface GapRow {
  readonly line: string;
  readonly gap_id: string;
  readonly from_ts: string;
  readonly to_ts: string | null;
  readonly cause: string;
}

/** What the tape's database knows of one instrument's gaps. */
export interface InstrumentGaps {
  /** Gaps of the tape as they are stored, in order. */
  readonly tape: readonly Interval[];
  /** Gaps that each line recorded. */
  readonly lines: ReadonlyMap<LineName, readonly LineGap[]>;
}

/** What the tape's database knows of a venue as a whole. */
export interface VenueAccounts {
  readonly accounts: readonly LineAccount[];
  readonly rules: AccountRules;
  /** Stored gaps of the tape that concern every instrument. */
  readonly tapeGaps: readonly Interval[];
}

/** The lines as the tape's database knows them, by venue, and the rules by which it reckons with them. */
export class LineAccounts {
  readonly #client: ClientBase;
  readonly #tapeRules: TapeRules;
  readonly #venues = new Map<string, VenueAccounts>();

  constructor(client: ClientBase, rules: TapeRules) {
    this.#client = client;
    this.#tapeRules = rules;
  }

  /**
   * All three lines of a venue. The present is the newest heartbeat: what a line that fell silent before it may lack
   * does not depend on when the question is asked.
   */
  async of(venue: string): Promise<VenueAccounts> {
    const known = this.#venues.get(venue);
    if (known !== undefined) return known;
    const lives = await readLives(this.#client);
    const { tape, lines } = await this.gaps(venue, EVERY_INSTRUMENT);
    const accounts = lineNames.map((line) => ({
      line,
      venue,
      lives: lives.get(line)!,
      allGaps: lines.get(line)!,
    }));
    const { silence, arrivalAllowance } = this.#tapeRules;
    const now = latestTime(0 as Micros, lives.values(), venue);
    const made = { accounts, rules: { silence, arrivalAllowance, now }, tapeGaps: tape };
    this.#venues.set(venue, made);
    return made;
  }

  /** The gaps of one instrument, or of everything. */
  async gaps(venue: string, instrument: string): Promise<InstrumentGaps> {
    const { rows } = await this.#client.query<GapRow>(
      `SELECT line, gap_id, from_ts::text, to_ts::text, cause FROM gaps
       WHERE venue = $1 AND instrument = $2 ORDER BY gaps.from_ts, gap_id`,
      [venue, instrument],
    );
    const tape: Interval[] = [];
    const lines = new Map<LineName, LineGap[]>(lineNames.map((line) => [line, []]));
    for (const { line, gap_id, from_ts, to_ts, cause } of rows) {
      const from = Number(from_ts) as Micros;
      const to = to_ts === null ? null : (Number(to_ts) as Micros);
      if (line === 'tape') tape.push({ from, to });
      else if (!gap_id.startsWith(DOWN))
        lines.get(line as LineName)?.push({ gapId: gap_id, from, to, cause });
    }
    return { tape: union(tape), lines };
  }
}
