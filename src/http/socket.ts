/** The daemon's own socket: a file that only its user can open, so that whoever comes through it is that user. */
import { chmod, unlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { PortError } from '../model.ts';
import { closed, type Door, type DoorOptions, listener, listening, SERVER_OPTIONS } from './door.ts';

/** The system cuts a longer path off. */
const BYTES_MAX = 103;

/** Opens the door on a path; what an engine that died left there is replaced. Throws PortError when it cannot be had. */
export async function openSocket(path: string, options: Omit<DoorOptions, 'over'>): Promise<Door> {
  const refuse = (why: string, cause?: unknown) =>
    new PortError(
      `${path}: ${why}; commands that ask this daemon cannot reach it. Expected a place for its socket.`,
      {
        ...{ code: 'listen', retry: 'later', subject: path, cause },
      },
    );
  if (Buffer.byteLength(path) > BYTES_MAX)
    throw refuse(`the path has more than ${BYTES_MAX} bytes, which no socket can have`);
  if (await isAnswered(path)) throw refuse('another daemon listens there');
  await unlink(path).catch(() => undefined);
  const server = createServer(SERVER_OPTIONS, listener({ ...options, over: 'socket' }));
  await listening(server, () => {
    // What is made here is its user's alone from its first moment.
    const mask = process.umask(0o177);
    server.listen(path);
    process.umask(mask);
  }).catch(cause => {
    throw refuse(`it cannot be had (${(cause as NodeJS.ErrnoException).code})`, cause);
  });
  await chmod(path, 0o600);
  server.on('error', error => options.log.error({ error: error.message }, 'socket'));
  return {
    url: `unix:${path}`,
    close: () => closed(server),
  };
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
