/** Looks through a pack before it is stored: what it would unpack to is bounded, so that a small one cannot fill the memory. */
import { inflateSync } from 'node:zlib';
import { PortError } from '../../model.ts';

export const PACK_BOUNDS = {
  objects: 500_000,
  objectBytes: 64 * 1024 * 1024,
  totalBytes: 1024 * 1024 * 1024,
};
export type PackBounds = typeof PACK_BOUNDS;

const OFS_DELTA = 6;
const REF_DELTA = 7;

/** Throws PortError when the pack is none, or unpacks to more than the bounds. */
export function checkPack(pack: Uint8Array, bounds: PackBounds = PACK_BOUNDS): void {
  const bytes = Buffer.from(pack.buffer, pack.byteOffset, pack.byteLength);
  if (bytes.length < 32 || bytes.toString('latin1', 0, 4) !== 'PACK') throw refused('it is none');
  const count = bytes.readUInt32BE(8);
  if (count > bounds.objects) throw refused(`it has ${count} objects; expected at most ${bounds.objects}`);
  let total = 0;
  let at = 12;
  for (let i = 0; i < count; i++) {
    const { type, size, next } = headerAt(bytes, at);
    const start = type === REF_DELTA ? next + 20 : type === OFS_DELTA ? afterOffset(bytes, next) : next;
    const { content, used } = unpacked(bytes, start, size, bounds);
    const result = type === OFS_DELTA || type === REF_DELTA ? deltaSize(content) : size;
    total += Math.max(size, result);
    if (result > bounds.objectBytes) throw tooLarge(result, bounds);
    if (total > bounds.totalBytes) throw refused(`it unpacks to more than ${bounds.totalBytes} bytes`);
    at = start + used;
  }
}

/** Type and size of an object, in git's variable length. */
function headerAt(
  bytes: Buffer,
  at: number,
): { readonly type: number; readonly size: number; readonly next: number } {
  let byte = byteAt(bytes, at);
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  let [next, scale] = [at + 1, 16];
  while (byte & 128) {
    byte = byteAt(bytes, next++);
    size += (byte & 127) * scale;
    scale *= 128;
  }
  return { type, size, next };
}

function afterOffset(bytes: Buffer, at: number): number {
  let next = at;
  while (byteAt(bytes, next++) & 128);
  return next;
}

function unpacked(
  bytes: Buffer,
  start: number,
  size: number,
  bounds: PackBounds,
): { readonly content: Buffer; readonly used: number } {
  if (size > bounds.objectBytes) throw tooLarge(size, bounds);
  try {
    const { buffer, engine } = inflateSync(bytes.subarray(start), {
      maxOutputLength: size + 1,
      info: true,
    }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
    if (buffer.length === size) return { content: buffer, used: engine.bytesWritten };
  } catch {
    // Said below, in our words.
  }
  throw refused('an object in it is not as large as it says');
}

/** The size of what a delta makes: its second number. */
function deltaSize(delta: Buffer): number {
  const [, afterSource] = numberAt(delta, 0);
  return numberAt(delta, afterSource)[0];
}

function numberAt(bytes: Buffer, at: number): readonly [value: number, next: number] {
  let [value, scale, next] = [0, 1, at];
  for (;;) {
    const byte = byteAt(bytes, next++);
    value += (byte & 127) * scale;
    scale *= 128;
    if (!(byte & 128)) return [value, next];
  }
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw refused('it is cut short');
  return byte;
}

function tooLarge(size: number, { objectBytes }: PackBounds): PortError {
  return refused(`an object in it has ${size} bytes; expected at most ${objectBytes}`);
}

function refused(problem: string): PortError {
  return new PortError(`the pack of the remote repository: ${problem}.`, {
    code: 'pack-refused',
    retry: 'later',
    subject: 'pack',
  });
}
