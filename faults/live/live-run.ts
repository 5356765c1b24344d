import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { loadConfiguration } from '#src/config/load.ts';
import type { Configuration } from '#src/config/schema.ts';
import { fetchGathererStatus, type GathererStatus } from '#src/status/line-status.ts';
import { readJobRuns } from '../../local/run/job-ledger.ts';
import { type Layout, layoutOf } from '../../local/run/layout.ts';
import { LocalRun } from '../../local/run/local-run.ts';
import { type RunState, readRunState } from '../../local/run/state-file.ts';
import { projectPath } from '../../local/template/project-path.ts';
import { type FaultOutcome, require } from '../fault.ts';
import { KinesisGate } from './kinesis-gate.ts';
import { Simulator } from './simulator.ts';
import { VenueGates } from './venue-gates.ts';

export const LINES = ['a', 'b', 'c'] as const;
export type Line = (typeof LINES)[number];

export interface LiveOptions {
  /** Settings of `config/local.yaml` that are others, as YAML put at the end of its sections, by section. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Events a second of the exchange. */
  readonly rate?: number;
  /** Node's own arguments of a line's gatherer. */
  readonly preload?: (line: Line, folder: string) => string | null;
}

/** A tape's gap of a run. */
export interface TapeGap {
  readonly venue: string;
  readonly instrument: string;
  /** Microseconds. */
  readonly from: number;
  readonly to: number | null;
  readonly causes: readonly string[];
}

const START_LIMIT_MILLIS = 300_000;
const RECOVERY_LIMIT_MILLIS = 300_000;
const LIFE_LIMIT_MILLIS = 300_000;
const CALM_BEFORE_MILLIS = 6_000;
const CALM_AFTER_MILLIS = 4_000;
/** Instruments come and go: a few have just been listed and have no book yet. */
const PROVEN_SHARE = 0.98;

/** Why a line does not capture all it expects, in words; empty where it does. */
function complaints(status: GathererStatus | null): string[] {
  if (status === null) return ['does not answer'];
  const found = [...status.health.reasons];
  if (!status.listed) found.push('markets are not listed');
  if (status.stream.spilled_bytes > 0) found.push(`${status.stream.spilled_bytes} bytes are spilled`);
  for (const [venue, { connections, connected, expected, proven }] of Object.entries(status.venues)) {
    if (connections === 0 || connected !== connections)
      found.push(`${venue}: ${connected} of ${connections} connections`);
    if (proven < expected * PROVEN_SHARE) found.push(`${venue}: ${proven} of ${expected} books proven`);
  }
  return found;
}

const isWell = (status: GathererStatus | null): boolean => complaints(status).length === 0;

/** The whole system on this machine on simulated venues, with everything in reach that can be made to fail. */
export class LiveRun {
  readonly folder: string;
  readonly gates: Readonly<Record<Line, VenueGates>>;
  readonly kinesis: Readonly<Record<Line, KinesisGate>>;
  /** Milliseconds: when the fault was over, where injecting it waits for longer than that. */
  faultOverAt: number | null = null;
  readonly #run: LocalRun;
  readonly #layout: Layout;
  readonly configuration: Configuration;

  private constructor(
    folder: string,
    run: LocalRun,
    layout: Layout,
    configuration: Configuration,
    gates: Record<Line, VenueGates>,
    kinesis: Record<Line, KinesisGate>,
  ) {
    this.folder = folder;
    this.#run = run;
    this.#layout = layout;
    this.configuration = configuration;
    this.gates = gates;
    this.kinesis = kinesis;
  }

  static async prepare(options: LiveOptions, seed: number, note: (text: string) => void): Promise<LiveRun> {
    const folder = mkdtempSync(join(tmpdir(), 'tape-fault-'));
    const configurationFile = join(folder, 'configuration.yaml');
    let text = readFileSync(projectPath('config/local.yaml'), 'utf8');
    for (const [section, settings] of Object.entries(options.settings ?? {})) {
      const begins = new RegExp(`^${section}:$`, 'm');
      text = begins.test(text)
        ? text.replace(begins, `$&\n${settings}`)
        : `${text}\n${section}:\n${settings}\n`;
    }
    writeFileSync(configurationFile, text);
    const all = async <T>(open: () => Promise<T>): Promise<Record<Line, T>> => ({
      a: await open(),
      b: await open(),
      c: await open(),
    });
    const gates = await all(() => VenueGates.open());
    const kinesis = await all(() => KinesisGate.open());
    const configuration = loadConfiguration(configurationFile, process.env);
    const layout = layoutOf(join(folder, 'data'));
    const run = new LocalRun({
      source: { type: 'sim' },
      configuration,
      configurationFile,
      layout,
      note,
      seed,
      rate: options.rate ?? 200,
      faults: null,
      speed: 'max',
      detour: (line, environment) => {
        const changed = gates[line].through(environment);
        const endpoint = environment['AWS_ENDPOINT_URL_KINESIS'];
        if (endpoint !== undefined) changed['AWS_ENDPOINT_URL_KINESIS'] = kinesis[line].through(endpoint);
        const preload = options.preload?.(line, folder) ?? null;
        if (preload !== null) changed['NODE_OPTIONS'] = `${changed['NODE_OPTIONS'] ?? ''} ${preload}`.trim();
        return changed;
      },
    });
    return new LiveRun(folder, run, layout, configuration, gates, kinesis);
  }

  async start(): Promise<void> {
    await this.#run.start(new AbortController().signal);
    const wrong = await this.untilWell(START_LIMIT_MILLIS);
    require(wrong.length === 0, `the lines did not begin to capture: ${wrong.join('; ')}`);
  }

  get state(): RunState {
    const state = readRunState(this.#layout.stateFile);
    if (state === null) throw new Error('the run is gone');
    return state;
  }

  get simulator(): Simulator {
    return new Simulator(this.state.simulator!.control);
  }

  /** The exchange's own log. */
  get truthFile(): string {
    return this.#layout.truthFile;
  }

  /** Where a line puts what its stream does not take. */
  journal(line: Line): string {
    return join(this.#layout.gatherer(line), 'spill', 'journal');
  }

  /** Names of the lines' streams. */
  get streams(): readonly string[] {
    const { streams } = JSON.parse(readFileSync(this.#layout.wiringFile, 'utf8')) as {
      streams: { name: string }[];
    };
    return streams.map(({ name }) => name);
  }

  async status(line: Line): Promise<GathererStatus | null> {
    return await fetchGathererStatus(this.state.lines[line].health, 5_000);
  }

  /** @throws when there is no such process now */
  signal(process_: string, signal: NodeJS.Signals): void {
    const pid = this.state.processes[process_];
    if (pid === undefined) throw new Error(`there is no process ${process_}`);
    process.kill(pid, signal);
  }

  killGatherer(line: Line, downMillis = 0): void {
    this.#run.killGatherer(line, downMillis);
  }

  /** Waits until a line says something of itself. @throws FaultFailed when it does not within the limit. */
  async until(
    line: Line,
    what: string,
    isSo: (status: GathererStatus) => boolean,
    limitMillis = 60_000,
  ): Promise<GathererStatus> {
    for (const ends = Date.now() + limitMillis; ; ) {
      const status = await this.status(line);
      if (status !== null && isSo(status)) return status;
      require(Date.now() < ends, `line ${line}: ${what} did not come within ${limitMillis / 1_000} s`);
      await sleep(100);
    }
  }

  /** Another life of the line than the given one captures as it should. */
  async replaced(line: Line, epoch: string): Promise<void> {
    await this.until(
      line,
      'a new life',
      (status) => status.epoch !== epoch && isWell(status),
      LIFE_LIMIT_MILLIS,
    );
  }

  /** Waits until no line has a socket. @throws FaultFailed when some line keeps one */
  async untilCut(): Promise<void> {
    await Promise.all(
      LINES.map((line) =>
        this.until(line, 'the loss of its sockets', ({ venues }) =>
          Object.values(venues).every(({ connected }) => connected === 0),
        ),
      ),
    );
  }

  /** Waits until a query has rows. @throws FaultFailed when it has none within a minute */
  async untilRows(url: string, what: string, sql: string): Promise<void> {
    for (const ends = Date.now() + 60_000; ; await sleep(200)) {
      const found = await this.database(url, async (client) => (await client.query(sql)).rowCount);
      if (found !== null && found > 0) return;
      require(Date.now() < ends, `${what} did not come within a minute`);
    }
  }

  /** How many executions have failed so far of the job whose state machine has this in its name. */
  failures(part: string): number {
    const job = readJobRuns(this.#layout.jobsFile).find(({ name }) => name.includes(part));
    require(job !== undefined, `no job ${part} has run`);
    return job!.failures;
  }

  /** Waits until every line captures all it expects. @returns what is wrong with them where that does not come */
  async untilWell(limitMillis = RECOVERY_LIMIT_MILLIS): Promise<readonly string[]> {
    for (const ends = Date.now() + limitMillis; ; ) {
      const wrong: string[] = [];
      for (const line of LINES)
        wrong.push(...complaints(await this.status(line)).map((text) => `line ${line}: ${text}`));
      if (wrong.length === 0 || Date.now() > ends) return wrong;
      await sleep(200);
    }
  }

  async database<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** Statements for the server itself, from a database that nothing else uses. */
  async administer(...statements: string[]): Promise<void> {
    const url = this.state.production.url.replace(/\/production(?=$|\?)/, '/postgres');
    await this.database(url, async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  }

  /** Ends every session of a database and lets no other begin. */
  async shut(database: string): Promise<void> {
    await this.administer(
      `ALTER DATABASE ${database} WITH ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
    );
  }

  async reopen(database: string): Promise<void> {
    await this.administer(`ALTER DATABASE ${database} WITH ALLOW_CONNECTIONS true`);
  }

  async tapeGaps(from: number): Promise<TapeGap[]> {
    return await this.database(this.state.production.url, async (client) => {
      const { rows } = await client.query<{
        venue: string;
        instrument: string;
        from_ts: string;
        to_ts: string | null;
        causes: string[];
      }>(`SELECT venue, instrument, from_ts, to_ts, causes FROM gaps WHERE line = 'tape' AND from_ts >= $1`, [
        from,
      ]);
      return rows.map(({ venue, instrument, from_ts, to_ts, causes }) => ({
        venue,
        instrument,
        from: Number(from_ts),
        to: to_ts === null ? null : Number(to_ts),
        causes,
      }));
    });
  }

  /** Drains and compares. */
  async finish(): Promise<Omit<FaultOutcome, 'declared_gaps' | 'recover_s'>> {
    const { truth } = await this.#run.finish();
    const { events, missing, extra, books_wrong, undeclared, books_compared } = truth!;
    require(books_compared > 0, 'no book was compared');
    return { events, missing, extra, books_wrong, undeclared_gaps: undeclared };
  }

  /** @param keepsData whether logs and databases are left where they are, for whoever has to understand the run. */
  async stop(keepsData = false): Promise<void> {
    await this.#run.stopAll();
    await Promise.all(LINES.flatMap((line) => [this.gates[line].close(), this.kinesis[line].close()]));
    if (!keepsData) rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface LiveFault extends LiveOptions {
  /** How long all lines are well before the fault, where that is longer than for others. */
  readonly calmMillis?: number;
  /** How long the row may take, where that is longer than others. */
  readonly limitMillis?: number;
  /** Does the fault and ends it; throws where it did not take. */
  readonly inject: (run: LiveRun, note: (text: string) => void, seed: number) => Promise<void>;
  /** What the tape has to say of it, beyond what holds of every fault. */
  readonly judge?: (gaps: readonly TapeGap[], injectedAt: number, endedAt: number) => void;
}

/** Starts everything, injects, waits for the recovery, drains and compares. */
export async function runLive(
  fault: LiveFault,
  note: (text: string) => void,
  seed: number,
): Promise<FaultOutcome> {
  const run = await LiveRun.prepare(fault, seed, note);
  try {
    await run.start();
    await sleep(fault.calmMillis ?? CALM_BEFORE_MILLIS);
    const injectedAt = Date.now() * 1_000;
    note('injecting');
    await fault.inject(run, note, seed);
    const endedAt = (run.faultOverAt ?? Date.now()) * 1_000;
    note('the fault is over');
    const wrong = await run.untilWell();
    const recover_s = wrong.length === 0 ? Math.round((Date.now() * 1_000 - endedAt) / 1e5) / 10 : null;
    note(recover_s === null ? `it did not recover: ${wrong.join('; ')}` : `recovered after ${recover_s} s`);
    await sleep(CALM_AFTER_MILLIS);
    const comparison = await run.finish();
    // A gap that lasts at the end is the end of the run.
    const gaps = (await run.tapeGaps(injectedAt - DECLARED_BEFORE_MICROS)).filter(
      ({ from, to }) => to !== null && to > injectedAt && from < endedAt + (recover_s ?? 0) * 1_000_000,
    );
    fault.judge?.(gaps, injectedAt, endedAt);
    return { ...comparison, declared_gaps: gaps.length, recover_s };
  } finally {
    await run.stop();
  }
}

/** A gap begins where the last proof was, which is before the fault. */
const DECLARED_BEFORE_MICROS = 60_000_000;
