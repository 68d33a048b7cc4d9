/** Signed commits: whether each new commit of a branch carries a signature by one of the keys that daemon.yaml names. */
import { readFile } from 'node:fs/promises';
import git from 'isomorphic-git';
import { PortError } from '../../model.ts';
import type { Signer } from '../authors.ts';
import { type Objects, objectsOf, translated } from '../objects.ts';
import { checkSshSignature, type SshKey, sshKeysIn } from './ssh-signature.ts';

/** New commits that are looked at: more is no change that somebody looked through. */
const COMMITS_MAX = 1000;

export interface Keys {
  readonly ssh: readonly SshKey[];
  /** Armoured OpenPGP public keys. */
  readonly openpgp: readonly string[];
}

/** The keys of a file: SSH public keys, one a line, and armoured OpenPGP public keys. Throws PortError when there are none. */
export async function readKeys(path: string): Promise<Keys> {
  return translated(`keys ${path}`, async () => {
    const keys = keysIn(await readFile(path, 'utf8'));
    if (keys.ssh.length + keys.openpgp.length > 0) return keys;
    throw new PortError(
      `keys ${path}: there is none in it; expected SSH public keys, one a line, or OpenPGP public keys.`,
      {
        code: 'no-keys',
        retry: 'never',
        subject: path,
      },
    );
  });
}

/** The keys in a text. */
export function keysIn(text: string): Keys {
  const block = /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g;
  return { openpgp: text.match(block) ?? [], ssh: sshKeysIn(text.replace(block, '')) };
}

/**
 * Why `head` may not be taken, or undefined: its commits that are not in the history of `last` must all be signed. Without
 * `last` (a first clone) the head alone is looked at: whoever signed it vouches for what is before it.
 */
export async function unsignedProblem(
  gitDir: string,
  keys: Keys,
  head: string,
  last: string | undefined,
): Promise<string | undefined> {
  const objects = objectsOf(gitDir, 'dry');
  const fresh = last === undefined ? [head] : await newCommits(objects, head, last);
  if (fresh === undefined) return `it has more than ${COMMITS_MAX} new commits; take them in smaller steps`;
  for (const sha of fresh) {
    const found = await signerOf(objects, keys, sha);
    if ('problem' in found) return `commit ${sha.slice(0, 7)}: ${found.problem}`;
  }
  return undefined;
}

async function newCommits(
  objects: Objects,
  head: string,
  last: string,
): Promise<readonly string[] | undefined> {
  const known = new Set((await git.log({ ...objects, ref: last })).map(one => one.oid));
  const fresh = new Set(known.has(head) ? [] : [head]);
  for (const oid of fresh) {
    if (fresh.size > COMMITS_MAX) return undefined;
    const { commit } = await git.readCommit({ ...objects, oid });
    for (const parent of commit.parent) if (!known.has(parent)) fresh.add(parent);
  }
  return [...fresh];
}

/** The fingerprint of the key that signed a commit; or why nobody did. */
export async function signerOf(
  objects: Objects,
  keys: Keys,
  sha: string,
): Promise<{ readonly key: string } | { readonly problem: string }> {
  const { object } = await git.readObject({ ...objects, oid: sha, format: 'content' });
  const { payload, signatures } = splitCommit(Buffer.from(object as Uint8Array));
  const [signature] = signatures;
  if (signature === undefined) return { problem: 'it is not signed' };
  if (signatures.length > 1) return { problem: 'it has several signatures; expected one' };
  if (signature.startsWith('-----BEGIN SSH SIGNATURE-----'))
    return checkSshSignature(signature, payload, keys.ssh);
  if (signature.startsWith('-----BEGIN PGP SIGNATURE-----'))
    return checkOpenPgp(signature, payload, keys.openpgp);
  return { problem: 'its signature is of a kind that is not known here; expected SSH or OpenPGP' };
}

/** Whose signature a commit carries, by the keys of a file. It is read anew for each commit: a key may be taken out of it. */
export function signerBy(path: string): Signer {
  return async (objects, sha) => {
    const found = await signerOf(objects, await readKeys(path), sha);
    return 'key' in found ? found.key : undefined;
  };
}

/** What was signed, byte by byte: the commit without its signature headers; and those. */
export function splitCommit(commit: Buffer): {
  readonly payload: Buffer;
  readonly signatures: readonly string[];
} {
  const end = commit.indexOf('\n\n');
  const head = commit.subarray(0, end + 1);
  const kept: Buffer[] = [];
  const signatures: string[] = [];
  let inSignature = false;
  for (let at = 0; at < head.length; ) {
    const next = head.indexOf(10, at) + 1;
    const line = head.subarray(at, next);
    const text = line.toString('latin1');
    if (inSignature && text.startsWith(' ')) signatures[signatures.length - 1] += text.slice(1);
    else {
      const [, value] = /^gpgsig(?:-sha256)? ([\s\S]*)$/.exec(text) ?? [];
      inSignature = value !== undefined;
      if (value === undefined) kept.push(line);
      else signatures.push(value);
    }
    at = next;
  }
  return { payload: Buffer.concat([...kept, commit.subarray(end + 1)]), signatures };
}

async function checkOpenPgp(armoured: string, payload: Buffer, armouredKeys: readonly string[]) {
  // Large, and needed by those alone who sign with it.
  const openpgp = await import('openpgp');
  try {
    const verificationKeys = (
      await Promise.all(armouredKeys.map(key => openpgp.readKeys({ armoredKeys: key })))
    ).flat();
    const signature = await openpgp.readSignature({ armoredSignature: armoured });
    const message = await openpgp.createMessage({ binary: new Uint8Array(payload) });
    const { signatures } = await openpgp.verify({ message, signature, verificationKeys });
    const [one] = signatures;
    if (!one || signatures.length > 1)
      return { problem: 'it has several OpenPGP signatures, or none; expected one' };
    await one.verified;
    const key = verificationKeys.find(candidate => candidate.getKeys(one.keyID).length > 0);
    return { key: key?.getFingerprint().toUpperCase() ?? one.keyID.toHex().toUpperCase() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { problem: `its OpenPGP signature does not count: ${why.replace(/\s+/g, ' ').slice(0, 200)}` };
  }
}
