import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import type { Socket, SocketEvents, SocketFactory, SocketRequest } from './socket.ts';

export interface WebSocketOptions {
  /** Largest message accepted in bytes; a longer one closes the socket with 1009. Default 64 MiB. */
  readonly maxPayload?: number;
  /** How long the opening handshake may take, in milliseconds. Default 10,000. */
  readonly handshakeTimeout?: number;
}

const MAX_REFUSAL_BODY = 4_096;

/** Real sockets. Compression is not offered: those who record reliably do without it. */
export function webSocketFactory(options: WebSocketOptions = {}): SocketFactory {
  const maxPayload = options.maxPayload ?? 64 * 1_024 * 1_024;
  const handshakeTimeout = options.handshakeTimeout ?? 10_000;
  return (request: SocketRequest, events: SocketEvents): Socket => {
    const socket = new WebSocket(request.url, {
      headers: { ...request.headers },
      perMessageDeflate: false,
      maxPayload,
      handshakeTimeout,
      // Several messages that arrive in one read are all handed over in the same turn, in order.
      allowSynchronousEvents: true,
    });
    let over = false;
    let failure = '';
    socket.on('open', () => events.opened());
    socket.on('message', (data, isBinary) => {
      const bytes = Array.isArray(data)
        ? Buffer.concat(data)
        : Buffer.isBuffer(data)
          ? data
          : Buffer.from(data);
      if (isBinary) events.message(bytes);
      else if (events.text !== undefined) events.text(bytes);
      else events.message(bytes.toString('utf8'));
    });
    socket.on('ping', () => events.heartbeat('ping'));
    socket.on('pong', () => events.heartbeat('pong'));
    // `close` always follows `error`; the error's words are what explain a 1006.
    socket.on('error', (error) => {
      failure = error.message;
    });
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      readRefusal(response, (body) => {
        if (over) return;
        over = true;
        events.refused(response.statusCode ?? 0, body);
        socket.terminate();
      });
    });
    socket.on('close', (code, reason) => {
      if (over) return;
      over = true;
      events.closed(code, reason.length > 0 ? reason.toString('utf8') : failure);
    });
    return {
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      ping: () => {
        if (socket.readyState === WebSocket.OPEN) socket.ping();
      },
      close: (code, reason) => socket.close(code, reason),
      terminate: () => socket.terminate(),
    };
  };
}

/** Reads the beginning of a refusal's body; calls back exactly once, whatever becomes of the response. */
function readRefusal(response: IncomingMessage, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  let finished = false;
  const finish = () => {
    if (finished) return;
    finished = true;
    done(Buffer.concat(chunks).toString('utf8').slice(0, MAX_REFUSAL_BODY));
    response.destroy();
  };
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= MAX_REFUSAL_BODY) finish();
  });
  response.on('end', finish);
  response.on('error', finish);
  response.on('close', finish);
  response.setTimeout(5_000, finish);
}
