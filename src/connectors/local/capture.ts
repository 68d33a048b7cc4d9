/** Keeps what a command prints: the beginning in a file of bounded size, the end for the message. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

const FILE_BYTES_MAX = 4 * 1024 * 1024;
const TAIL_BYTES = 8 * 1024;

export interface Capture {
  /** The last of what was printed, for people: without control characters, at most `TAIL_BYTES` of it. */
  tail(): string;
  /** Ends the file; what was left out is counted in it, and its last bytes stand after that. */
  close(): void;
}

/**
 * Reads a stream to its end, whatever happens to the file: a command never waits for its log, nor fails for it.
 * Writes are synchronous on purpose: the runner has nothing else to do, and memory stays bounded.
 */
export function capture(stream: Readable, file: string): Capture {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'w');
  } catch {
    // A full disk: there is no log, and still its end for the message.
  }
  let room = FILE_BYTES_MAX;
  let leftOut = 0;
  let tail = Buffer.alloc(0);

  function write(bytes: Buffer): void {
    try {
      if (descriptor !== undefined) writeSync(descriptor, bytes);
    } catch {
      room = 0; // The log ends here, the command does not.
    }
  }

  stream.on('data', (chunk: Buffer) => {
    const fits = chunk.subarray(0, room);
    room -= fits.length;
    leftOut += chunk.length - fits.length;
    if (fits.length > 0) write(fits);
    tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
  });
  stream.on('error', () => undefined);

  return {
    tail: () => printable(tail.toString('utf8')),
    close() {
      if (leftOut > 0) {
        write(Buffer.from(`\n[${leftOut} bytes did not fit; the last of them:]\n`));
        write(tail.subarray(-leftOut));
      }
      if (descriptor !== undefined) closeSync(descriptor);
    },
  };
}

/** A text without terminal escapes and control characters other than the line feed. */
export function printable(text: string): string {
  return (
    text
      .replaceAll('\r\n', '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g, '')
      .replace(/[^\P{C}\n]/gu, '')
  );
}
