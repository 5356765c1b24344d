import { WebSocketServer } from 'ws';
import { type SocketInput, socketInput } from './inputs/socket-input.ts';

/** Serves recorded frames over loopback, ready-made, so that the sender is not what is measured. */

const CHUNK = 256 * 1_024;

/** One text frame of a server (RFC 6455, 5.2): unmasked, in one piece. */
function encoded(text: string): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload]);
  if (length < 65_536) return Buffer.concat([Buffer.from([0x81, 126, length >> 8, length & 255]), payload]);
  const head = Buffer.alloc(10);
  head[0] = 0x81;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

const input: SocketInput = socketInput(Number(process.argv[2]), Number(process.argv[3]));
const parts = input.connections.map(({ frames }, number) => {
  const first = input.first[number]!;
  return {
    first: Buffer.concat(frames.slice(0, first).map(({ text }) => encoded(text))),
    rest: Buffer.concat(frames.slice(first).map(({ text }) => encoded(text))),
  };
});

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('connection', (_client, request) => {
  const number = Number(request.url!.slice(1));
  const { socket } = request;
  const write = (bytes: Buffer, from = 0): void => {
    for (let at = from; at < bytes.length; at += CHUNK) {
      if (!socket.write(bytes.subarray(at, at + CHUNK))) {
        socket.once('drain', () => write(bytes, at + CHUNK));
        return;
      }
    }
  };
  _client.on('message', (data) =>
    write(String(data) === 'first' ? parts[number]!.first : parts[number]!.rest),
  );
});
server.on('listening', () => {
  const { port } = server.address() as { readonly port: number };
  process.stdout.write(`${port}\n`);
});
process.on('disconnect', () => process.exit(0));
