/**
 * Heads of the ledger's chains on a ref of the policy repository: a commit whose tree has one file, `heads`, a line a chain.
 * Whoever may write the state alone cannot take them back, and a push carries them elsewhere. No branch and no file on disk
 * is touched.
 */
import git from 'isomorphic-git';
import { PortError } from '../model.ts';
import { objectsOf, translated } from './objects.ts';
import { signature } from './propose.ts';
import { moveRef, readRef } from './refs.ts';
import type { PolicyRepository } from './repository.ts';
import { writeFiles } from './tree.ts';

export interface AnchoredHead {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
}

const FILE = 'heads';
const AUTHOR = { name: 'flyball', email: 'flyball@localhost' };

/** How often somebody else may have moved the ref meanwhile. */
const ATTEMPTS = 5;

/** Commits the heads after those that are there; undefined, and nothing written, when they are the same. */
export function writeAnchors(
  repository: Pick<PolicyRepository, 'gitDir'>,
  ref: string,
  heads: readonly AnchoredHead[],
  at: number,
): Promise<string | undefined> {
  const { gitDir } = repository;
  return translated(`anchors ${ref}`, async () => {
    const objects = objectsOf(gitDir, 'write');
    const text = heads.map(({ chain, seq, hash }) => `${seq} ${hash} ${chain}\n`).join('');
    const tree = await writeFiles(objects, undefined, [{ path: FILE, text }]);
    const author = signature(AUTHOR, at);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const from = await readRef(gitDir, ref);
      const before = from && (await git.readCommit({ ...objects, oid: from })).commit.tree;
      if (before === tree) return undefined;
      const parent = from === undefined ? [] : [from];
      const message = `Heads of ${heads.length} chains\n`;
      const commit = { message, tree, parent, author, committer: author };
      const to = await git.writeCommit({ ...objects, commit });
      if (await moveRef({ gitDir, ref, from, to })) return to;
    }
    throw new PortError(
      `anchors ${ref}: others move it again and again; it is tried again with the next anchor`,
      {
        code: 'ref-moved',
        retry: 'later',
        subject: ref,
      },
    );
  });
}

/** The heads on the ref; none when there is no such ref yet. Throws PortError when somebody else wrote there. */
export function readAnchors(
  repository: Pick<PolicyRepository, 'gitDir'>,
  ref: string,
): Promise<readonly AnchoredHead[]> {
  const where = `anchors ${ref}`;
  return translated(where, async () => {
    const oid = await readRef(repository.gitDir, ref);
    if (oid === undefined) return [];
    const objects = objectsOf(repository.gitDir, 'dry');
    const { blob } = await git.readBlob({ ...objects, oid, filepath: FILE });
    const lines = new TextDecoder().decode(blob).split('\n');
    return lines.slice(0, -1).map((line, index) => {
      const [, seq, hash, chain] = /^([1-9]\d*) ([0-9a-f]{64}) (.+)$/.exec(line) ?? [];
      if (seq === undefined || hash === undefined || chain === undefined) {
        throw new PortError(
          `${where}: line ${index + 1} of ${FILE} is ${JSON.stringify(line.slice(0, 60))}; expected a seq, a hash and a chain. ` +
            'Look at who else writes this ref, and name another one under anchors in daemon.yaml.',
          { code: 'anchors-damaged', retry: 'never', subject: ref },
        );
      }
      return { chain, seq: Number(seq), hash };
    });
  });
}
