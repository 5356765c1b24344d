/** What a socket tells its owner. Every call is one event; none may throw back into the socket. */
export interface SocketEvents {
  opened(): void;
  /** One message: text as text, a binary frame as its bytes. */
  message(data: string | Uint8Array): void;
  /**
   * One message that is text, as its bytes in UTF-8, which stay as they are: in place of `message` for an owner that
   * does without the text.
   */
  text?(bytes: Uint8Array): void;
  /** A protocol ping or pong of the other side arrived (a ping has been answered already). */
  heartbeat(kind: 'ping' | 'pong'): void;
  /** The other side answered the upgrade request with an HTTP status instead of a socket. `closed` does not follow. */
  refused(status: number, body: string): void;
  /** The last event of a socket. `code` is 1006 where the other side said nothing. */
  closed(code: number, reason: string): void;
}

/** One WebSocket, seen from the pool. All calls are harmless after the socket is closed. */
export interface Socket {
  send(text: string): void;
  /** A protocol ping. */
  ping(): void;
  /** Closes politely; `closed` follows, at the latest after the closing handshake timed out. */
  close(code: number, reason: string): void;
  /** Drops the connection at once. */
  terminate(): void;
}

export interface SocketRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Opens a socket and returns at once; what becomes of it is told to `events`, never before the return. */
export type SocketFactory = (request: SocketRequest, events: SocketEvents) => Socket;
