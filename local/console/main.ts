/**
 * The console of a local run, in a process of its own: what it reads and writes as JSON, however much, never takes
 * time from the supervisor, and the operating system lets the capture go first. Started with a
 * `ConsoleSpecification`; prints a ready line with its address.
 */
import { setPriority } from 'node:os';
import { type ApiServer, type ApiServerSettings, startApiServer } from '#src/api/server.ts';
import { layoutOf } from '../run/layout.ts';
import { runSystem } from '../run/run-system.ts';
import { readRunState } from '../run/state-file.ts';

export interface ConsoleSpecification {
  readonly data: string;
  readonly port: number;
  /** Whether another port is as good when that one is taken. */
  readonly mayMove: boolean;
  readonly version: string;
}

const LESS_THAN_CAPTURE = 10;

async function start(settings: ApiServerSettings, mayMove: boolean): Promise<ApiServer> {
  try {
    return await startApiServer(settings);
  } catch (error) {
    if (!mayMove || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return await startApiServer({ ...settings, port: 0 });
  }
}

try {
  setPriority(LESS_THAN_CAPTURE);
} catch {
  // Not allowed here: it runs like any other.
}
const { data, port, mayMove, version } = JSON.parse(process.argv[2]!) as ConsoleSpecification;
const layout = layoutOf(data);
const state = readRunState(layout.stateFile);
if (state === null) throw new Error(`nothing is running in ${data}`);
const key = process.env['TAPE_API_KEY'] || null;
const server = await start(
  {
    host: '127.0.0.1',
    port,
    database: { connectionString: state.production.url },
    system: runSystem(layout, state),
    key,
    hasConsole: true,
    version,
    onFault: (text) => process.stderr.write(`${text}\n`),
  },
  mayMove,
);
process.on('SIGTERM', () => void server.close().finally(() => process.exit(0)));
process.stdout.write(`${JSON.stringify({ ready: true, address: server.url })}\n`);
