/** Figures of a state that is not well, for tests of what shows them. */
import type { Health } from '../src/commands/index.ts';

export const HEALTH: Health = {
  now: 0,
  live: { ok: true, reasons: [] },
  ready: { ok: false, reasons: ['no commit is in force yet'] },
  remote: ['it is down'],
  commit: 'c0ffee',
  rejectedCommit: 'bad',
  figures: {
    ...{ targets: 3, policies: 2, lagMs: 1500, due: 2, late: 1, failing: 0 },
    episodes: { stalled: 1, acting: 2 },
    ...{ blindSets: 7, blindTargets: 2, unresolved: 1, contested: 0, gatesClosed: 1 },
    live: [{ verb: 'retrain', state: 'started', count: 2 }],
    approvals: { waiting: 1, oldestMs: 60_000, firstExpiryMs: 120_000 },
    pauses: [{ scope: 'all', count: 1, oldestMs: 3_600_000 }],
    ...{ entries: 12, bytes: 4096, unanchoredMs: 0, messages: 4, replicas: 2 },
  },
};
