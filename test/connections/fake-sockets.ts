import type { Socket, SocketEvents, SocketFactory, SocketRequest } from '#src/connections/socket.ts';
import type { ClientLine } from './fake-venues.ts';

interface Model {
  receive(text: string): void;
}

/** A socket whose other side is a venue model in the same process; nothing happens before the test says so. */
export class FakeSocket<M extends Model> implements Socket {
  readonly request: SocketRequest;
  readonly events: SocketEvents;
  readonly model: M;
  readonly sent: string[] = [];
  isOpen = false;
  isClosed = false;
  pings = 0;
  /** The other side has vanished: nothing arrives in either direction. */
  isFrozen = false;
  /** The other side answers pings. */
  isAlive = true;
  /** The other side sends pings. */
  isPinging = true;

  constructor(request: SocketRequest, events: SocketEvents, make: (line: ClientLine) => M) {
    this.request = request;
    this.events = events;
    this.model = make({
      send: (text) => {
        if (this.isOpen && !this.isClosed && !this.isFrozen) events.message(text);
      },
      close: (code, reason) => this.drop(code, reason),
    });
  }

  open(): void {
    this.isOpen = true;
    this.events.opened();
  }

  drop(code = 1006, reason = ''): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.events.closed(code, reason);
  }

  refuse(status: number, body = ''): void {
    this.isClosed = true;
    this.events.refused(status, body);
  }

  send(text: string): void {
    if (this.isClosed) return;
    this.sent.push(text);
    if (!this.isFrozen) this.model.receive(text);
  }

  ping(): void {
    this.pings++;
    if (this.isOpen && !this.isClosed && !this.isFrozen && this.isAlive) this.events.heartbeat('pong');
  }

  close(code: number): void {
    this.drop(code);
  }

  terminate(): void {
    this.drop(1006);
  }
}

/** Makes fake sockets and keeps them in order; `opens` decides what becomes of each new one at the next step. */
export class FakeNetwork<M extends Model> {
  readonly sockets: FakeSocket<M>[] = [];
  opens: (socket: FakeSocket<M>) => void = (socket) => socket.open();
  readonly factory: SocketFactory;
  #fresh: FakeSocket<M>[] = [];

  constructor(make: (line: ClientLine) => M) {
    this.factory = (request, events) => {
      const socket = new FakeSocket(request, events, make);
      this.sockets.push(socket);
      this.#fresh.push(socket);
      return socket;
    };
  }

  /** Lets the sockets made since the last call open, or be refused. */
  settle(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const socket of fresh) if (!socket.isClosed) this.opens(socket);
  }

  get live(): FakeSocket<M>[] {
    return this.sockets.filter((socket) => socket.isOpen && !socket.isClosed);
  }
}
