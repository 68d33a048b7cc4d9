/** Verifies signatures that ssh-keygen makes for git (SSHSIG): by ed25519, RSA and ECDSA keys. Pure. */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';

const ARMOUR = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\s*$/;
const MAGIC = Buffer.from('SSHSIG');
const RSA_BITS_LEAST = 2048;

/** A public key as OpenSSH writes it, without its name: its wire form. */
export type SshKey = Buffer;

/** `SHA256:…`, as `ssh-keygen -l` prints it. */
export function sshFingerprint(key: SshKey): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Public keys in a text: lines of `ssh-…`, with or without what allowed_signers puts before them. */
export function sshKeysIn(text: string): readonly SshKey[] {
  const found = text.matchAll(/(?:^|\s)((?:ssh|ecdsa-sha2)-[a-z0-9-]+)\s+([A-Za-z0-9+/]+=*)(?=\s|$)/g);
  return [...found].flatMap(([, type = '', base64 = '']) => {
    const key = Buffer.from(base64, 'base64');
    return reader(key).text() === type ? [key] : [];
  });
}

/** The fingerprint of the key that signed this content for git; or why the signature does not count. */
export function checkSshSignature(
  armoured: string,
  content: Uint8Array,
  keys: readonly SshKey[],
): { readonly key: string } | { readonly problem: string } {
  const body = ARMOUR.exec(armoured)?.[1];
  if (body === undefined) return { problem: 'its SSH signature cannot be read' };
  try {
    return checked(Buffer.from(body.replaceAll('\n', ''), 'base64'), content, keys);
  } catch {
    return { problem: 'its SSH signature cannot be read' };
  }
}

function checked(blob: Buffer, content: Uint8Array, keys: readonly SshKey[]) {
  if (!blob.subarray(0, MAGIC.length).equals(MAGIC) || blob.readUInt32BE(MAGIC.length) !== 1)
    return { problem: 'its SSH signature is of another version' };
  const fields = reader(blob.subarray(MAGIC.length + 4));
  const [key, namespace, reserved] = [fields.bytes(), fields.text(), fields.bytes()];
  const [algorithm, signature] = [fields.text(), reader(fields.bytes())];
  const name = sshFingerprint(key);
  if (namespace !== 'git')
    return { problem: `its SSH signature is for ${JSON.stringify(namespace.slice(0, 40))}, not for git` };
  if (!keys.some(one => one.equals(key)))
    return { problem: `it is signed by ${name}, which is not among the keys` };
  if (algorithm !== 'sha256' && algorithm !== 'sha512')
    return { problem: 'its SSH signature is over another hash than SHA-256 or SHA-512' };
  const digest = createHash(algorithm).update(content).digest();
  const signed = Buffer.concat([
    MAGIC,
    ...[Buffer.from(namespace), reserved, Buffer.from(algorithm), digest].flatMap(framed),
  ]);
  return isSigned(key, signature, signed)
    ? { key: name }
    : { problem: `its SSH signature by ${name} does not fit what is committed` };
}

function isSigned(key: SshKey, signature: Reader, data: Buffer): boolean {
  const fields = reader(key);
  const type = fields.text();
  const format = signature.text();
  const value = signature.bytes();
  if (type === 'ssh-ed25519') {
    const x = fields.bytes().toString('base64url');
    return (
      format === type &&
      verify(null, data, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), value)
    );
  }
  if (type === 'ssh-rsa') {
    const [e, n] = [unsigned(fields.bytes()), unsigned(fields.bytes())];
    const hash = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' }[format];
    if (hash === undefined || n.length * 8 < RSA_BITS_LEAST) return false;
    const jwk = { kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') };
    return verify(hash, data, createPublicKey({ key: jwk, format: 'jwk' }), value);
  }
  return format === type && isSignedByCurve(type, fields, value, data);
}

const CURVES: Readonly<
  Record<string, { readonly crv: string; readonly hash: string; readonly size: number }>
> = {
  nistp256: { crv: 'P-256', hash: 'sha256', size: 32 },
  nistp384: { crv: 'P-384', hash: 'sha384', size: 48 },
  nistp521: { crv: 'P-521', hash: 'sha512', size: 66 },
};

function isSignedByCurve(type: string, fields: Reader, value: Buffer, data: Buffer): boolean {
  const curve = CURVES[fields.text()];
  const point = fields.bytes();
  if (!curve || !type.startsWith('ecdsa-sha2-') || point.length !== 1 + 2 * curve.size || point[0] !== 4)
    return false;
  const [x, y] = [point.subarray(1, 1 + curve.size), point.subarray(1 + curve.size)].map(part =>
    part.toString('base64url'),
  );
  const key: KeyObject = createPublicKey({
    key: { kty: 'EC', crv: curve.crv, x: x ?? '', y: y ?? '' },
    format: 'jwk',
  });
  const halves = reader(value);
  const raw = [halves.bytes(), halves.bytes()].map(half => padded(unsigned(half), curve.size));
  return verify(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' }, Buffer.concat(raw));
}

/** Without the zero that keeps a number of SSH positive. */
function unsigned(bytes: Buffer): Buffer {
  const start = bytes.findIndex(byte => byte !== 0);
  return start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
}

function padded(bytes: Buffer, size: number): Buffer {
  return Buffer.concat([Buffer.alloc(Math.max(0, size - bytes.length)), bytes]);
}

function framed(part: Buffer): readonly Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return [length, part];
}

interface Reader {
  bytes(): Buffer;
  text(): string;
}

/** Reads strings of the SSH wire form, one after the other. Throws when there are none. */
function reader(from: Buffer): Reader {
  let at = 0;
  const bytes = () => {
    const length = from.readUInt32BE(at);
    const end = at + 4 + length;
    if (end > from.length) throw new RangeError('cut short');
    const part = from.subarray(at + 4, end);
    at = end;
    return part;
  };
  return { bytes, text: () => bytes().toString('latin1') };
}
