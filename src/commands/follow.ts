/** Follows the enforced branch: takes its head into force when it moved. */
import type { Commit } from '../model.ts';
import type { PolicyText, Ports } from './ports.ts';
import { renewer } from './renew-requests.ts';
import { sinceLast } from './since-last.ts';
import { compileRevision, rejectionOf, takeRevision, tellTargets } from './take-revision.ts';

/** Tries of the compare-and-set before the next notice of the watcher takes over. */
const TRIES = 3;

/** Takes the head commit into force, if it is not. */
export async function followHead(ports: Ports): Promise<void> {
  const head = await ports.repository.head();
  await follow(ports, head, () => ports.repository.files(head.sha));
}

/** Takes a commit (or the working tree as one) into force and logs what became of it. */
export async function follow(
  ports: Ports,
  commit: Commit,
  files: () => Promise<readonly PolicyText[]>,
): Promise<void> {
  const { world, settings, repository } = ports;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = await world.store.revision();
    const known = (await rejectionOf(world))?.commit.sha ?? before?.commit.sha;
    if (known === commit.sha) {
      // Whoever took it may have died before every target was told.
      const renew =
        before?.commit.sha === commit.sha ? renewer(world, settings.env, commit, files) : undefined;
      if (before) await tellTargets(world, before, renew);
      return;
    }
    const taken = await compileRevision(world, settings.env, commit, await files());
    const since = await sinceLast(repository, before, commit, world.clock());
    if (!(await takeRevision(world, taken, since))) continue;
    const errors = taken.compiled.diagnostics.filter(one => one.severity === 'error').length;
    const fields = { commit: commit.sha, policies: taken.revision?.policies.length ?? 0, errors };
    if (errors > 0) world.log.warn(fields, 'commit is not wholly in force');
    else world.log.info(fields, 'commit is in force');
    return;
  }
}
