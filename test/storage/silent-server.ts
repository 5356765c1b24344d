import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that can fall silent as when the server's machine is gone: nothing arrives, nothing is closed. */
export interface WayToServer {
  readonly url: string;
  /** Of the connections that there are nothing arrives from now on; with `also` of new ones neither. */
  fallSilent(also?: 'new ones too'): void;
  close(): Promise<void>;
}

/** @param url of the server, `postgresql://…`. */
export async function wayTo(url: string): Promise<WayToServer> {
  const { hostname, port } = new URL(url);
  const open = new Set<readonly [Socket, Socket]>();
  let isSilent = false;
  const silence = (pair: readonly [Socket, Socket]): void => {
    for (const socket of pair) {
      socket.unpipe();
      socket.resume();
    }
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port) });
    const pair = [near, far] as const;
    open.add(pair);
    for (const socket of pair) socket.on('error', () => {});
    near.pipe(far);
    far.pipe(near);
    if (isSilent) silence(pair);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    fallSilent(also) {
      for (const pair of open) silence(pair);
      isSilent = also !== undefined;
    },
    async close() {
      for (const socket of [...open].flat()) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
