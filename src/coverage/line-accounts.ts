import type { ClientBase } from 'pg';
import { EVERY_INSTRUMENT, latestTime, readLives } from '../storage/production/gap-merge.ts';
import { gapsBearingOn, isCaptured } from '../storage/production/gaps-in-time.ts';
import { type LineName, lineNames } from '../storage/production/merge-statements.ts';
import { type Interval, union } from '../tape/intervals.ts';
import {
  type AccountRules,
  type LineAccount,
  type LineGap,
  type Unproven,
  unprovenForInstrument,
} from '../tape/line-account.ts';
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
  readonly captured: true | null;
}

/** What the tape's database knows of one instrument's gaps, as far as it bears on the times that are asked about. */
export interface InstrumentGaps {
  /** Gaps of the tape as they are stored, in order. */
  readonly tape: readonly Interval[];
  /** Gaps that each line recorded. */
  readonly lines: ReadonlyMap<LineName, readonly LineGap[]>;
  /** Whether a line ever said more of it than that its market is over. */
  readonly isCaptured: boolean;
}

/** What the tape's database knows of a venue as a whole. */
export interface VenueAccounts {
  readonly accounts: readonly LineAccount[];
  readonly rules: AccountRules;
  /** Stored gaps of the tape that concern every instrument. */
  readonly tapeGaps: readonly Interval[];
}

/** What is not proven of one instrument, by the tape and by each line, each in order and without overlap. */
export interface InstrumentDoubts {
  readonly tape: readonly Interval[];
  readonly lines: ReadonlyMap<LineName, readonly Interval[]>;
}

/** Instruments of which the doubts are remembered. */
const REMEMBERED = 2_000;

/** The lines as the tape's database knows them, by venue, and the rules by which it reckons with them. */
export class LineAccounts {
  readonly #client: ClientBase;
  readonly #tapeRules: TapeRules;
  readonly #since: Micros;
  readonly #venues = new Map<string, VenueAccounts>();
  readonly #doubts = new Map<string, InstrumentDoubts>();

  /** @param since nothing is asked of times before: what bears on those alone is not read */
  constructor(client: ClientBase, rules: TapeRules, since: Micros) {
    this.#client = client;
    this.#tapeRules = rules;
    this.#since = since;
  }

  get since(): Micros {
    return this.#since;
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

  /** Where the tape says that it may lack something of an instrument, and where each line cannot prove that it does not. */
  async doubts(venue: string, instrument: string): Promise<InstrumentDoubts> {
    const key = `${venue} ${instrument}`;
    const known = this.#doubts.get(key);
    if (known !== undefined) return known;
    const { tapeGaps } = await this.of(venue);
    const gaps = await this.gaps(venue, instrument);
    const unproven = (await this.unproven(venue, gaps)).map(
      (line) => [line.line, union(line.unproven)] as const,
    );
    const made = { tape: union([...gaps.tape, ...tapeGaps]), lines: new Map(unproven) };
    if (this.#doubts.size >= REMEMBERED) this.#doubts.clear();
    this.#doubts.set(key, made);
    return made;
  }

  /** Of each line, where it cannot prove that it has everything of an instrument, and why. */
  async unproven(
    venue: string,
    { lines }: InstrumentGaps,
  ): Promise<readonly { readonly line: LineName; readonly unproven: readonly Unproven[] }[]> {
    const { accounts, rules } = await this.of(venue);
    return accounts.map((account) => ({
      line: account.line,
      unproven: unprovenForInstrument(account, lines.get(account.line)!, rules, this.#since),
    }));
  }

  /** The gaps of one instrument, or of everything. */
  async gaps(venue: string, instrument: string): Promise<InstrumentGaps> {
    const { rows } = await this.#client.query<GapRow>(
      `SELECT line, gap_id, from_ts::text, to_ts::text, cause,
         ${isCaptured('$1', '$2')} AS captured
       FROM (${gapsBearingOn('line, gap_id, from_ts, to_ts, cause', '$1', '$2', '$3')}) AS bearing
       ORDER BY bearing.from_ts, gap_id`,
      [venue, instrument, this.#since],
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
    return { tape: union(tape), lines, isCaptured: rows.some(({ captured }) => captured !== null) };
  }
}
