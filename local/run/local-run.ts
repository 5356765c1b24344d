import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { loadConfiguration } from '#src/config/load.ts';
import type { Configuration } from '#src/config/schema.ts';
import { venueNames } from '#src/events/event.ts';
import { fetchGathererStatus } from '#src/status/line-status.ts';
import { keyVariables } from '#src/venues/environment-key.ts';
import type { ConsoleSpecification } from '../console/main.ts';
import type { FunctionsReport, FunctionsSpecification } from '../functions/main.ts';
import { CallLedger, type MadeCall } from '../permissions/call-ledger.ts';
import type { CallMessage } from '../permissions/preload.ts';
import { migrateDatabase } from '../postgres/migrate-database.ts';
import { type PostgresServer, startPostgres } from '../postgres/server.ts';
import { Child } from '../processes/child.ts';
import type { StandInEndpoints } from '../stand-ins/main.ts';
import { TemplateError } from '../template/assembly.ts';
import { functionEnvironment, gathererEnvironment, type LocalMachine } from '../template/substitutions.ts';
import { synthesized } from '../template/synthesis.ts';
import { addressVariable } from '../template/venue-addresses.ts';
import { type TemplateWiring, wiringOf } from '../template/wiring.ts';
import { hostedFunction } from './hosted-function.ts';
import { JobLedger } from './job-ledger.ts';
import type { Layout } from './layout.ts';
import { LineTotals } from './line-totals.ts';
import { checkOwnVenues } from './own-venues.ts';
import type { ProgressFigures } from './progress.ts';
import type { Source } from './sources.ts';
import { removeRunState, writeRunState } from './state-file.ts';
import { summarize } from './summarize.ts';
import type { RunSummary } from './summary.ts';
import { tapeProgress } from './tape-progress.ts';
import { startSource, type VenueSource } from './venue-source.ts';
import { type DatabaseUrls, GATHERERS, type GathererName, modules } from './wiring.ts';

export interface LocalRunSettings {
  readonly source: Source;
  readonly configuration: Configuration;
  readonly configurationFile: string;
  readonly layout: Layout;
  readonly note: (text: string) => void;
  readonly seed: number;
  readonly rate: number | null;
  readonly faults: string | null;
  readonly speed: string;
  /** Where the console listens; none where it is null. */
  readonly console?: Omit<ConsoleSpecification, 'data'> | null;
  /** Changes the environment of a line's gatherer: where whoever tests the run puts something in between. */
  readonly detour?: (
    line: GathererName,
    environment: Readonly<Record<string, string>>,
  ) => Record<string, string>;
}

/** Longer than the gatherer's own limit, so that it can still write down what it could not send. */
const GATHERER_STOP_MILLIS = 35_000;
const FUNCTIONS_STOP_MILLIS = 20_000;
const MERGE_LIMIT_MILLIS = 300_000;
/** The handler whose state machine brings everything to the tape before a run is summed up. */
const MERGE_HANDLER = '/lambdas/merge/handler.ts';
/** Time that the venue's last frames get to arrive before the lines are stopped. */
const SETTLE_MILLIS = 1_500;

/** What the merge's state machine returns, as far as it matters here. */
interface MergeOutput {
  readonly skipped: string | null;
  readonly behind: boolean;
  readonly away: Readonly<Record<string, string>>;
}

/** A part without which the run is nothing has ended by itself. */
class PartEnded extends Error {
  override readonly name = 'PartEnded';
}

/** Every part of the system on one machine, started in order and stopped so that nothing captured is left behind. */
export class LocalRun {
  readonly #settings: LocalRunSettings;
  readonly #children = new Map<string, Child>();
  readonly #gatherers = new Map<
    GathererName,
    { child: Child; health: string; totals: LineTotals; lastEvents: number; rate: number }
  >();
  readonly #sourceEnded = Promise.withResolvers<string>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #answers = new Map<number, (report: FunctionsReport) => void>();
  readonly #jobs: JobLedger;
  #postgres: PostgresServer | null = null;
  #databases: DatabaseUrls | null = null;
  #production: pg.Pool | null = null;
  #functions: Child | null = null;
  #wiring: TemplateWiring | null = null;
  #calls: CallLedger | null = null;
  #source: VenueSource | null = null;
  #console: string | null = null;
  #startedAt = Date.now();
  #capturingSince = Date.now();
  #lastFigures = Date.now();
  #nextRequest = 1;
  #insertedBefore: number | null = null;
  #stopped = false;

  constructor(settings: LocalRunSettings) {
    this.#settings = settings;
    this.#jobs = new JobLedger(settings.layout.jobsFile);
    // Whoever waits for it sees it; nobody has to.
    this.#failed.promise.catch(() => {});
  }

  /** Resolves when the source has nothing more to give (a recording has ended). */
  get sourceEnded(): Promise<string> {
    return this.#sourceEnded.promise;
  }

  /**
   * @param signal ends the start between two of its steps; what is up by then, `stopAll` ends.
   * @throws what keeps a part from starting, in one line, or the signal's reason
   */
  async start(signal: AbortSignal): Promise<void> {
    const { layout, note } = this.#settings;
    this.#startedAt = Date.now();
    const wired = this.#readTemplates();
    // Both are waited for, so that neither is left running when the other fails.
    const [standIns, servers] = await Promise.allSettled([
      wired.then((wiring) => this.#startStandIns(wiring)),
      this.#startDatabases(),
    ]);
    if (standIns.status === 'rejected') throw standIns.reason;
    if (servers.status === 'rejected') throw servers.reason;
    const wiring = await wired;
    const endpoints = standIns.value;
    const databases = servers.value;
    note(`databases and stand-ins are up after ${this.#elapsed()}`);
    this.#databases = databases;
    signal.throwIfAborted();
    this.#writeState();
    this.#production = new pg.Pool({ connectionString: databases.production, max: 3 });
    this.#production.on('error', () => {});
    await this.#tapeFigures();
    const keyPair = this.#kalshiKey();
    const source = await startSource({
      ...this.#settings,
      publicKey: keyPair.publicKey,
      child: (child) => this.#adopt(child),
    });
    this.#source = source;
    for (const venue of this.#settings.source.type === 'live' ? venueNames : []) {
      if (source.environment[addressVariable(venue, 'enabled')] !== 'false') continue;
      const { id, file } = keyVariables(venue);
      note(`${venue} is left out: it needs a key (${id} and ${file})`);
    }
    signal.throwIfAborted();
    const machine = this.#machine(wiring, endpoints, databases, source);
    await this.#startFunctions(wiring, machine);
    void source.ended.then(() => this.#sourceEnded.resolve('source'));
    signal.throwIfAborted();
    await Promise.all(GATHERERS.map((name) => this.#startGatherer(name, wiring, machine, source)));
    this.#capturingSince = Date.now();
    note(`three lines are capturing after ${this.#elapsed()} (logs in ${layout.logs})`);
    this.#writeState();
    void this.#startConsole();
  }

  /** Rejects when a part without which the run is nothing has ended by itself. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Tells other commands where everything is; again whenever a part comes up at another address. */
  #writeState(): void {
    const { layout, source } = this.#settings;
    const databases = this.#databases;
    if (databases === null || this.#stopped) return;
    const control = this.#source?.control ?? null;
    const line = (name: GathererName) => ({
      url: databases.lines[name],
      health: this.#gatherers.get(name)?.health ?? null,
    });
    writeRunState(layout.stateFile, {
      pid: process.pid,
      processes: Object.fromEntries([
        ...[...this.#children].flatMap(([name, { pid }]) => (pid === undefined ? [] : [[name, pid]])),
        ...(this.#postgres === null ? [] : [['postgres', this.#postgres.pid]]),
      ]),
      startedAt: new Date(this.#startedAt).toISOString(),
      source: source.type,
      production: { url: databases.production },
      lines: { a: line('a'), b: line('b'), c: line('c') },
      console: this.#console,
      simulator: control === null ? null : { control, truth: layout.truthFile },
    });
  }

  /** The figures shown while running. */
  async figures(): Promise<Pick<ProgressFigures, 'lines' | 'tape'>> {
    const now = Date.now();
    const seconds = Math.max(0.001, (now - this.#lastFigures) / 1_000);
    this.#lastFigures = now;
    const lines: Record<string, ProgressFigures['lines'][string]> = {};
    await Promise.all(
      GATHERERS.map(async (name) => {
        const line = this.#gatherers.get(name);
        if (line === undefined) return;
        const status = await fetchGathererStatus(line.health);
        if (status !== null) line.totals.observe(status);
        const { events } = line.totals.totals;
        line.rate = (events - line.lastEvents) / seconds;
        line.lastEvents = events;
        lines[name] = { status, eventsPerSecond: line.rate, restarts: line.child.restarts };
      }),
    );
    for (const child of this.#children.values()) child.sampleMemory();
    return {
      lines: Object.fromEntries(GATHERERS.flatMap((name) => (lines[name] ? [[name, lines[name]]] : []))),
      tape: await this.#tapeFigures(),
    };
  }

  /**
   * Stops the lines, drains streams and merge, and sums up.
   *
   * @throws when a part without which nothing can be drained ends meanwhile
   */
  async finish(): Promise<RunSummary> {
    return await Promise.race([this.#drain(), this.#failed.promise]);
  }

  async #drain(): Promise<RunSummary> {
    const { note, layout, configuration } = this.#settings;
    const seconds = (Date.now() - this.#capturingSince) / 1_000;
    await this.#source?.pause();
    await sleep(SETTLE_MILLIS);
    await this.figures().catch(() => {});
    await Promise.all(
      [...this.#gatherers].map(async ([name, { child }]) => {
        const graceful = await child.stop(GATHERER_STOP_MILLIS);
        if (!graceful)
          note(`gatherer ${name} did not stop within ${GATHERER_STOP_MILLIS / 1_000} s and was ended`);
      }),
    );
    await this.#request({ type: 'drain' }, 120_000);
    await this.#mergeUntilDone();
    await this.#source?.finish();
    writeFileSync(
      layout.awsCallsFile,
      `${JSON.stringify({ made: this.#calls?.made ?? [], denied: this.deniedCalls }, null, 1)}\n`,
    );
    return await summarize({
      seconds,
      databases: this.#databases!,
      totals: new Map([...this.#gatherers].map(([name, line]) => [name, line.totals])),
      truthFile: this.#settings.source.type === 'sim' ? layout.truthFile : null,
      scratch: layout.truthScratch,
      configuration,
      startedAtMicros: this.#startedAt * 1_000,
      peakRssMebibytes: this.#peaks(),
      note,
    });
  }

  async stopAll(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#production?.end().catch(() => {});
    await Promise.all([...this.#gatherers.values()].map(({ child }) => child.stop(GATHERER_STOP_MILLIS)));
    if (this.#functions !== null) {
      this.#functions.send({ type: 'stop' });
      await this.#functions.stop(FUNCTIONS_STOP_MILLIS);
    }
    await this.#source?.stop();
    await Promise.all([...this.#children.values()].map((child) => child.stop(5_000)));
    await this.#postgres?.stop();
    removeRunState(this.#settings.layout.stateFile);
  }

  /**
   * SIGKILL, as a lost machine would: nothing is flushed.
   *
   * @param downMillis how long it takes at least until there is another.
   */
  killGatherer(name: GathererName, downMillis = 0): void {
    this.#gatherers.get(name)?.child.kill('SIGKILL', downMillis);
  }

  /** Ends every process at once, without draining. */
  killAll(): void {
    for (const child of this.#children.values()) child.kill('SIGKILL');
    try {
      if (this.#postgres !== null) process.kill(this.#postgres.pid, 'SIGQUIT');
    } catch {
      // It has ended already.
    }
    removeRunState(this.#settings.layout.stateFile);
  }

  #elapsed(): string {
    return `${((Date.now() - this.#startedAt) / 1_000).toFixed(1)} s`;
  }

  #partEnded(message: string): void {
    if (!this.#stopped) this.#failed.reject(new PartEnded(message));
  }

  #adopt(child: Child): Child {
    child.onEnd = (message) => this.#partEnded(message);
    this.#children.set(child.specification.name, child);
    return child;
  }

  #peaks(): Record<string, number> {
    const peaks: Record<string, number> = {};
    for (const [name, child] of this.#children) peaks[name] = child.peakRssMebibytes;
    peaks['supervisor'] = Math.round(process.resourceUsage().maxRSS / 1024);
    return peaks;
  }

  /** The wiring of the run: what the stacks of its configuration's environment say. */
  async #readTemplates(): Promise<TemplateWiring> {
    const { configurationFile, configuration, layout } = this.#settings;
    const wiring = wiringOf(await synthesized(configurationFile, configuration, layout.templates));
    writeFileSync(layout.wiringFile, `${JSON.stringify(wiring, null, 1)}\n`);
    this.#wiring = wiring;
    this.#calls = new CallLedger(wiring.permissions);
    return wiring;
  }

  /** Calls to AWS that the roles of the templates would not have allowed, in words. */
  get deniedCalls(): readonly string[] {
    return this.#calls?.denied ?? [];
  }

  #called(call: MadeCall): void {
    const denied = this.#calls?.observe(call) ?? null;
    if (denied !== null) this.#settings.note(`AWS would refuse: ${denied}`);
  }

  /** What stands here for AWS, with the venues that the source has. */
  #machine(
    wiring: TemplateWiring,
    endpoints: StandInEndpoints,
    databases: DatabaseUrls,
    source: VenueSource,
  ): LocalMachine {
    const { configurationFile } = this.#settings;
    // Read again with what the source sets: which venues there are, and where.
    const configuration = loadConfiguration(configurationFile, { ...process.env, ...source.environment });
    if (source.control !== null) checkOwnVenues(configuration, source.environment, configurationFile);
    return {
      region: wiring.region,
      endpoints,
      databaseSecrets: wiring.databaseSecrets,
      databaseUrls: { ...databases.lines, production: databases.production },
      keys: source.keys,
      configuration,
    };
  }

  async #startStandIns({ streams, tables, buckets }: TemplateWiring): Promise<StandInEndpoints> {
    const { layout } = this.#settings;
    const child = this.#adopt(
      new Child({
        name: 'stand-ins',
        module: modules.standIns,
        arguments: [
          JSON.stringify({
            directory: layout.standIns,
            streams,
            tables,
            buckets,
          }),
        ],
        environment: this.#baseEnvironment(),
        logFile: layout.log('stand-ins'),
        restart: false,
      }),
    );
    return (await child.start()) as unknown as StandInEndpoints;
  }

  async #startDatabases(): Promise<DatabaseUrls> {
    const { layout } = this.#settings;
    const names = [...GATHERERS.map((name) => `line_${name}`), 'production'];
    const server = await startPostgres({ dir: layout.postgres, databases: names });
    this.#postgres = server;
    void server.ended.then(() => this.#partEnded('the PostgreSQL server ended'));
    const lines = Object.fromEntries(GATHERERS.map((name) => [name, server.url(`line_${name}`)])) as Record<
      GathererName,
      string
    >;
    const production = server.url('production');
    await Promise.all([
      ...GATHERERS.map((name) => migrateDatabase(lines[name], 'gatherer')),
      migrateDatabase(production, 'production'),
    ]);
    return { production, lines };
  }

  async #startFunctions(wiring: TemplateWiring, machine: LocalMachine): Promise<void> {
    const { layout } = this.#settings;
    const { functions, eventSources, stateMachines, schedules } = wiring;
    const hosted = functions.map((item) =>
      hostedFunction(item, functionEnvironment(item.environment, machine)),
    );
    const specification: FunctionsSpecification = {
      directory: layout.functions,
      region: machine.region,
      endpoints: machine.endpoints,
      functions: hosted.map((item) => item.function),
      eventSources,
      stateMachines,
      schedules,
    };
    // What a function would ask Secrets Manager, had its databases not been put in the place of their secrets.
    for (const { role, environment } of functions) {
      for (const resource of Object.values(environment)) {
        if (resource in wiring.databaseSecrets) {
          this.#called({ role, action: 'secretsmanager:GetSecretValue', resource });
        }
      }
    }
    mkdirSync(layout.functions, { recursive: true });
    // In a file of the user alone, as it names databases: the arguments of a process are everybody's to read.
    const specificationFile = join(layout.functions, 'specification.json');
    writeFileSync(specificationFile, JSON.stringify(specification), { mode: 0o600 });
    const ready = Promise.withResolvers<void>();
    const child = this.#adopt(
      new Child(
        {
          name: 'functions',
          module: modules.functions,
          arguments: [specificationFile],
          environment: Object.assign(this.#baseEnvironment(), ...hosted.map(({ secrets }) => secrets)),
          logFile: layout.log('functions'),
          restart: true,
        },
        {
          onMessage: (message) => {
            const report = message as FunctionsReport;
            if (report.type === 'ready') {
              ready.resolve();
              this.#writeState();
            }
            if (report.type === 'aws-call') this.#called(report);
            if (report.type === 'execution')
              this.#jobs.record({ ...report, name: report.stateMachine }, Date.now());
            if (report.type === 'drained' || report.type === 'ran') {
              this.#answers.get(report.id)?.(report);
              this.#answers.delete(report.id);
            }
          },
        },
      ),
    );
    this.#functions = child;
    await Promise.race([ready.promise, child.start()]);
  }

  /** After everything else, which does not wait for it: a run without its console is a run all the same. */
  async #startConsole(): Promise<void> {
    const { console: place, layout, note } = this.#settings;
    if (place === undefined || place === null) return;
    const specification: ConsoleSpecification = { ...place, data: layout.directory };
    const child = new Child(
      {
        name: 'console',
        module: modules.console,
        arguments: [JSON.stringify(specification)],
        environment: this.#baseEnvironment(),
        logFile: layout.log('console'),
        restart: true,
      },
      {
        // Again after a restart, which may be at another port.
        onReady: ({ address }) => {
          this.#console = String(address);
          this.#writeState();
        },
      },
    );
    this.#children.set('console', child);
    try {
      const { address } = await child.start();
      if (!this.#stopped) note(`console: ${address}/`);
    } catch (error) {
      if (!this.#stopped) note(`the console does not start: ${(error as Error).message}`);
    }
  }

  async #startGatherer(
    name: GathererName,
    { containers }: TemplateWiring,
    machine: LocalMachine,
    source: VenueSource,
  ): Promise<void> {
    const { layout, configurationFile } = this.#settings;
    const container = containers.find(({ environment }) => environment['GATHERER'] === name);
    if (container === undefined) throw new TemplateError(`no service runs the gatherer of line ${name}`);
    mkdirSync(layout.gatherer(name), { recursive: true });
    const environment = {
      ...this.#baseEnvironment(),
      ...gathererEnvironment(container, machine, {
        configurationFile,
        dataDirectory: layout.gatherer(name),
        venues: source.environment,
      }),
    };
    const child = this.#adopt(
      new Child(
        {
          name: `gatherer-${name}`,
          module: container.module,
          arguments: [],
          environment: this.#settings.detour?.(name, environment) ?? environment,
          logFile: layout.log(`gatherer-${name}`),
          restart: true,
        },
        {
          onMessage: (message) => {
            const { type, action, resource } = message as CallMessage;
            if (type === 'aws-call') this.#called({ role: container.role, action, resource });
          },
          onReady: (line) => {
            const known = this.#gatherers.get(name);
            if (known === undefined) return;
            known.health = String(line['health']);
            this.#writeState();
          },
        },
      ),
    );
    const ready = await child.start();
    this.#gatherers.set(name, {
      child,
      health: String(ready['health']),
      totals: new LineTotals(),
      lastEvents: 0,
      rate: 0,
    });
  }

  /** Only what a process needs; a user's own AWS credentials never reach a local stand-in. */
  #baseEnvironment(): Record<string, string> {
    const environment: Record<string, string> = {};
    for (const [key, value] of Object.entries(process.env)) {
      if (value !== undefined && !key.startsWith('AWS_')) environment[key] = value;
    }
    return environment;
  }

  /** The simulated venue knows this key's public half; a live run brings its own key. */
  #kalshiKey(): { publicKey: string } {
    const { layout, source } = this.#settings;
    if (source.type === 'live') return { publicKey: '' };
    const publicFile = `${layout.keyFile}.pub`;
    if (!existsSync(layout.keyFile) || !existsSync(publicFile)) {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
        publicKeyEncoding: { type: 'spki', format: 'pem' },
      });
      writeFileSync(layout.keyFile, privateKey, { mode: 0o600 });
      writeFileSync(publicFile, publicKey);
    }
    return { publicKey: readFileSync(publicFile, 'utf8') };
  }

  async #request(
    request: { type: 'drain' } | { type: 'run'; stateMachine: string },
    limitMillis: number,
  ): Promise<FunctionsReport> {
    const id = this.#nextRequest++;
    const answer = new Promise<FunctionsReport>((resolve) => this.#answers.set(id, resolve));
    this.#functions!.send({ ...request, id });
    const limit = sleep(limitMillis, null, { ref: false });
    const report = await Promise.race([answer, limit]);
    if (report === null)
      throw new Error(`the functions did not answer ${request.type} within ${limitMillis / 1_000} s`);
    return report;
  }

  /** Executions until one has read everything: an earlier one may still hold the lock. */
  async #mergeUntilDone(): Promise<void> {
    const stateMachine = this.#mergeMachine();
    for (const ends = Date.now() + MERGE_LIMIT_MILLIS; ; ) {
      const report = await this.#request({ type: 'run', stateMachine }, MERGE_LIMIT_MILLIS);
      if (report.type !== 'ran') throw new Error(`the functions answered ${report.type} to a merge`);
      if (report.error !== undefined) throw new Error(`the last merge failed: ${report.error}`);
      const { skipped, behind, away } = report.output as MergeOutput;
      if (skipped === null && !behind && Object.keys(away).length === 0) return;
      if (Date.now() > ends)
        throw new Error(`the last merge did not come to its end: ${skipped ?? JSON.stringify(away)}`);
      await sleep(500);
    }
  }

  /** ARN of the state machine that invokes the merge. */
  #mergeMachine(): string {
    const { functions, stateMachines } = this.#wiring!;
    const merge = functions.find(({ module }) => module.endsWith(MERGE_HANDLER));
    const machine = stateMachines.find(({ definition }) =>
      JSON.stringify(definition).includes(JSON.stringify(merge?.arn)),
    );
    if (machine === undefined) throw new TemplateError('no state machine invokes the merge');
    return machine.arn;
  }

  /** Progress is not worth ending a run for. */
  async #tapeFigures(): Promise<ProgressFigures['tape']> {
    try {
      const { inserted, lagSeconds } = await tapeProgress(this.#production!, this.#capturingSince * 1_000);
      this.#insertedBefore ??= inserted;
      return { rows: inserted - this.#insertedBefore, lagSeconds };
    } catch {
      return { rows: 0, lagSeconds: null };
    }
  }
}
