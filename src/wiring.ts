/** Wires the ports of one state by hand: store, clock, data, effects, repository. No container, no registration. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pino } from 'pino';
import type { DaemonSettings, Ports, RepositoryPort } from './commands/index.ts';
import { dataPort } from './connectors/duckdb.ts';
import { effectsOf, readServingOf } from './connectors/index.ts';
import { emptyOwn, FOLD_VERSION, fold } from './engine/fold.ts';
import type { World } from './engine/world.ts';
import { evaluators } from './evaluators/index.ts';
import { verbs } from './executors/index.ts';
import { closeProposal, diffProposal, listProposals, mergeProposal } from './git/proposals.ts';
import { propose } from './git/propose.ts';
import { openRepository, type PolicyRepository } from './git/repository.ts';
import type { Catalogue, Clock, Log, Principal, Store } from './model.ts';
import { engineOf } from './store/engine-lock.ts';
import type { LedgerStore } from './store/ledger.ts';
import { openSqliteStore } from './store/sqlite.ts';

/** What this version knows: the evaluators and verbs that policies may name. */
export const catalogue: Catalogue = { evaluators, verbs };

/** What a process works through, and how to let go of it. */
export interface Opened {
  readonly ports: Ports;
  readonly store: Store & LedgerStore;
  readonly world: World;
  close(): Promise<void>;
}

/** Wires everything for one state. The clock is the system's, or the moment at which a replay stopped. */
export async function open(
  settings: DaemonSettings,
  options: {
    readonly principal: Principal;
    readonly role: Ports['role'];
    readonly clock?: Clock;
    readonly log?: Log;
  },
): Promise<Opened> {
  const store = await openSqliteStore({
    path: join(settings.state, 'flyball.db'),
    fold,
    emptyOwn,
    foldVersion: FOLD_VERSION,
  });
  const data = dataPort(settings.home);
  const stopped = await store.meta('replayed-until');
  const clock = options.clock ?? (stopped === undefined ? steadyClock() : () => Number(stopped));
  const world: World = {
    store,
    clock,
    realClock: Date.now,
    catalogue,
    queryData: data.query,
    dialectFor: () => data.dialect,
    readServing: readServingOf(settings.home),
    effectFor: effectsOf({
      home: settings.home,
      runs: join(settings.state, 'runs'),
      send: message => store.transaction(tx => tx.putMessage(message)),
      hasMessage: async key => (await store.message(key)) !== undefined,
      now: clock,
    }),
    log: options.log ?? stderrLog('info'),
  };
  const repository = await lazyRepository(settings, options.principal);
  const ports: Ports = {
    world,
    ledger: store,
    repository,
    settings,
    principal: options.principal,
    role: options.role,
    engine: async () => engineOf(settings.state),
    newId: randomUUID,
  };
  const close = async () => {
    await data.close();
    await store.close();
  };
  return { ports, store, world, close };
}

/** The system's clock, which never goes backwards within this process. */
function steadyClock(): Clock {
  let last = 0;
  return () => {
    last = Math.max(last, Date.now());
    return last;
  };
}

/** Structured logs on stderr; standard output belongs to results and to the protocol. */
export function stderrLog(level: string): Log {
  return pino({ name: 'flyball', level }, pino.destination({ fd: 2, sync: true }));
}

/** Opened at first use, so that commands that need no repository work without one. */
async function lazyRepository(settings: DaemonSettings, principal: Principal): Promise<RepositoryPort> {
  let opened: Promise<PolicyRepository> | undefined;
  const repository = () => {
    opened ??= openRepository({ dir: settings.repository, branch: settings.branch }).catch(error => {
      // A repository that is not there yet may be there at the next try.
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const author = { name: principal.name, email: `${principal.name.replace(/[^\w.-]+/g, '-')}@localhost` };
  return {
    head: async () => (await repository()).head(),
    files: async sha => (await repository()).files(sha),
    isDescendant: async (sha, ancestor) => (await repository()).isDescendant(sha, ancestor),
    detachedAt: async () => (await repository()).detachedAt(),
    propose: async draft => propose(await repository(), { ...draft, author }),
    proposals: async () =>
      (await listProposals(await repository())).map(one => ({
        branch: one.branch,
        title: one.commit.subject,
        author: one.commit.author.name,
        at: one.commit.time,
        base: one.base,
        files: one.files.map(file => file.path),
        ahead: one.ahead,
        behind: one.behind,
        mergeable: one.mergeable,
        rationale: one.rationale,
      })),
    diff: async branch => diffProposal(await repository(), branch),
    merge: async (branch, at) => mergeProposal(await repository(), branch, { author, at }),
    close: async branch => {
      await closeProposal(await repository(), branch);
    },
  };
}
