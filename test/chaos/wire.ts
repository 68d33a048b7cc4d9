/**
 * A wire between a client and a server on loopback, which can be disturbed: cut, silent, half open, slow. What it is now holds
 * for connections that are there and for new ones.
 */
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Wire {
  readonly port: number;
  /** Every connection breaks; new ones are made as before. */
  cut(): void;
  /** Nothing comes through in either direction, and nobody is told: a partition. What was under way comes through at its end. */
  silence(): void;
  /** The server's ends are gone and the client is not told; its old connections stay silent for good. New ones are refused. */
  halfOpen(): void;
  /** Everything takes so much longer, each way. */
  slow(ms: number): void;
  heal(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** The client was not told that the server's end is gone. */
  half: boolean;
}

/** Listens on a free port; whoever connects is led to `to` on loopback. */
export async function wireTo(to: number): Promise<Wire> {
  const pairs = new Set<Pair>();
  let silent = false;
  let refusing = false;
  let slowMs = 0;
  const carry = (from: Socket, into: Socket) => {
    let tail = Promise.resolve();
    from.on('data', chunk => {
      const ms = slowMs;
      tail = tail
        .then(() => (ms > 0 ? delay(ms) : undefined))
        .then(() => {
          if (into.writable) into.write(chunk);
        });
    });
    from.on('end', () => {
      tail = tail.then(() => void into.end());
    });
  };
  const listener = createServer(client => {
    if (refusing) return client.destroy();
    const server = createConnection({ port: to, host: '127.0.0.1' });
    const pair = { client, server, half: false };
    pairs.add(pair);
    carry(client, server);
    carry(server, client);
    if (silent) for (const end of [client, server]) end.pause();
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
    client.on('close', () => {
      server.destroy();
      pairs.delete(pair);
    });
    // The client of a half open pair must find out by itself.
    server.on('close', () => pair.half || client.end());
    return undefined;
  });
  const port = await new Promise<number>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  const ends = () => [...pairs].flatMap(({ client, server }) => [client, server]);
  return {
    port,
    cut: () => {
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
    },
    silence: () => {
      silent = true;
      for (const end of ends()) end.pause();
    },
    halfOpen: () => {
      refusing = true;
      for (const pair of pairs) {
        pair.half = true;
        pair.server.destroy();
      }
    },
    slow: ms => {
      slowMs = ms;
    },
    heal: () => {
      if (silent) for (const end of ends()) end.resume();
      silent = false;
      refusing = false;
      slowMs = 0;
    },
    close: async () => {
      for (const end of ends()) end.destroy();
      await new Promise(resolve => listener.close(resolve));
    },
  };
}
