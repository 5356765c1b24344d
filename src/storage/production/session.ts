import type { Client } from 'pg';
import { CONNECT_TIMEOUT_MILLIS, endSession, isAnswering } from '../connection.ts';

/** One session of a database, kept between calls and made anew when it has ended or was given up. */
export class Session {
  readonly #connect: () => Promise<Client>;
  readonly #answerMillis: number;
  #client: Client | null = null;

  /**
   * @param connect asked whenever there is no session, so that a rotated password is taken up.
   * @param answerMillis a session that was kept has to give a sign of life within it.
   */
  constructor(connect: () => Promise<Client>, answerMillis = CONNECT_TIMEOUT_MILLIS) {
    this.#connect = connect;
    this.#answerMillis = answerMillis;
  }

  /** @throws when the database does not answer. */
  async client(): Promise<Client> {
    const kept = this.#client;
    if (kept !== null) {
      // Its server may be gone without having closed it.
      if (await isAnswering(kept, this.#answerMillis)) return kept;
      if (this.#client === kept) this.#client = null;
    }
    const client = await this.#connect();
    const forget = (): void => {
      if (this.#client === client) this.#client = null;
    };
    // Without a listener a connection that breaks while idle would end the process.
    client.on('error', forget);
    client.on('end', forget);
    this.#client = client;
    return client;
  }

  /** Ends the session at once, whatever it is doing; the next call makes another. */
  async end(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client !== null) await endSession(client, this.#answerMillis);
  }
}
