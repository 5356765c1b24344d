import pg from 'pg';
import { ApiProblem } from './problem.ts';

export interface TapePoolSettings {
  /** Connections at most. */
  readonly connections: number;
  /** Of them, those that streams of rows may hold. */
  readonly streams: number;
  /** The server ends a statement that takes longer. */
  readonly statementMillis: number;
  /** How long a request waits for a connection. */
  readonly waitMillis: number;
  /** A reader that takes nothing for so long loses its stream. */
  readonly idleMillis: number;
}

export const defaultPoolSettings: TapePoolSettings = {
  connections: 4,
  streams: 2,
  statementMillis: 10_000,
  waitMillis: 5_000,
  idleMillis: 60_000,
};

/** A connection that is given back once. */
export interface Lease {
  readonly client: pg.PoolClient;
  /** @param broken whether the connection is of no more use. */
  release(broken?: boolean): void;
}

/** A few connections to the tape, on which nothing can be written. */
export class TapePool {
  readonly #pool: pg.Pool;
  readonly #settings: TapePoolSettings;
  #streams = 0;

  constructor(connection: pg.ClientConfig, settings: TapePoolSettings = defaultPoolSettings) {
    this.#settings = settings;
    this.#pool = new pg.Pool({
      ...connection,
      application_name: 'prediction-tape api',
      max: settings.connections,
      connectionTimeoutMillis: settings.waitMillis,
      statement_timeout: settings.statementMillis,
      idle_in_transaction_session_timeout: settings.idleMillis,
      options: '-c default_transaction_read_only=on',
    });
    // A connection that breaks while idle is made anew by whoever needs one.
    this.#pool.on('error', () => {});
  }

  get settings(): TapePoolSettings {
    return this.#settings;
  }

  /** @throws ApiProblem 503 when no connection can be had in time. */
  async lease(): Promise<Lease> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw databaseProblem(error, this.#settings) ?? error;
    }
    let given = true;
    const onError = (): void => {};
    client.on('error', onError);
    return {
      client,
      release: (broken = false) => {
        if (!given) return;
        given = false;
        client.off('error', onError);
        client.release(broken);
      },
    };
  }

  /** A connection for a stream of rows. @throws ApiProblem 503 when as many as may are streaming. */
  async leaseStream(): Promise<Lease> {
    if (this.#streams >= this.#settings.streams)
      throw new ApiProblem(503, 'busy', 'as many streams as there may be are running', { retryAfter: 5 });
    this.#streams++;
    try {
      const lease = await this.lease();
      let given = true;
      return {
        client: lease.client,
        release: (broken) => {
          if (given) this.#streams--;
          given = false;
          lease.release(broken);
        },
      };
    } catch (error) {
      this.#streams--;
      throw error;
    }
  }

  /** Runs a query and gives the connection back. @throws ApiProblem where the database is at fault. */
  async use<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const { client, release } = await this.lease();
    try {
      const result = await work(client);
      release();
      return result;
    } catch (error) {
      const problem = databaseProblem(error, this.#settings);
      release(problem?.status === 503);
      throw problem ?? error;
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** What a failure of the database means to a client; null for one that is a mistake of the program. */
export function databaseProblem(error: unknown, settings: TapePoolSettings): ApiProblem | null {
  if (error instanceof ApiProblem) return error;
  const { code = '', message = '' } = error as { code?: string; message?: string };
  if (code === '57014') {
    return new ApiProblem(
      503,
      'too_slow',
      `the database took longer than ${settings.statementMillis / 1_000} s: ask for less, such as one instrument or a shorter span`,
    );
  }
  if (code === '42P01' || code === '42703' || code === '42883')
    return new ApiProblem(503, 'other_schema', 'the database does not hold a tape of this version');
  // A value that the database cannot take for what it is given as.
  if (/^22/.test(code)) return new ApiProblem(400, 'bad_parameter', 'a parameter holds what no row can hold');
  const isAway =
    /^(08|57P|53)/.test(code) ||
    /^E[A-Z]+$/.test(code) ||
    /timeout|terminat|closed|Connection/i.test(message);
  return isAway
    ? new ApiProblem(503, 'database_away', 'the database does not answer', { retryAfter: 1 })
    : null;
}
