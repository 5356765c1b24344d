import type { Client } from 'pg';

/** One session of a database, kept between calls and made anew when it has ended or was given up. */
export class Session {
  readonly #connect: () => Promise<Client>;
  #client: Client | null = null;

  /** @param connect asked whenever there is no session, so that a rotated password is taken up. */
  constructor(connect: () => Promise<Client>) {
    this.#connect = connect;
  }

  /** @throws when the database does not answer. */
  async client(): Promise<Client> {
    if (this.#client !== null) return this.#client;
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
    await client?.end().catch(() => {});
  }
}
