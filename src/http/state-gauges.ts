/** The figures of `health` as gauges: the same numbers, in seconds and bytes. */
import { Gauge, type Registry } from 'prom-client';
import type { Health } from '../commands/index.ts';

/** Makes the gauges; what it gives sets them. Without figures none of the state's gauges has a value. */
export function stateGauges(registry: Registry): (alive: boolean, found: Health | undefined) => void {
  const registers = [registry];
  const gauge = <Label extends string = never>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ) => new Gauge({ name: `flyball_${name}`, help, labelNames, registers });

  const readable = gauge('state_readable', '1 when the state could be read for this scrape.');
  const live = gauge('live', '1 while the loops of this process go round.');
  const ready = gauge('ready', '1 when this process has caught up.');
  const revision = gauge('revision_info', 'Always 1; the commit in force.', ['commit']);
  const episodes = gauge('episodes', 'Open episodes by how far their sequence is.', ['status']);
  const actions = gauge('actions_live', 'Actions that are not at their end.', ['verb', 'state']);
  const pauses = gauge('pauses', 'Pauses in force by what they stop.', ['scope']);
  const pauseAge = gauge('pause_oldest_seconds', 'Since the oldest pause in force.', ['scope']);
  const single: readonly (readonly [Gauge, (health: Health) => number])[] = [
    [gauge('targets', 'Targets that a policy in force is about.'), ({ figures }) => figures.targets],
    [gauge('policies', 'Policies in force.'), ({ figures }) => figures.policies],
    [
      gauge('loop_lag_seconds', 'How long the longest overdue target has waited.'),
      ({ figures }) => figures.lagMs / 1000,
    ],
    [gauge('targets_due', 'Targets that are due now.'), ({ figures }) => figures.due],
    [gauge('targets_late', 'Targets overdue by more than twice their every.'), ({ figures }) => figures.late],
    [
      gauge('targets_failing', 'Targets whose last tick in this process could not be finished.'),
      ({ figures }) => figures.failing,
    ],
    [gauge('blind_label_sets', 'Label sets of rules that are unknown.'), ({ figures }) => figures.blindSets],
    [gauge('blind_targets', 'Targets with a rule that is unknown.'), ({ figures }) => figures.blindTargets],
    [
      gauge('unresolved_actions', 'Actions of which nobody knows whether they had their effect.'),
      ({ figures }) => figures.unresolved,
    ],
    [
      gauge('contested_subjects', 'Subjects that somebody else moves, too.'),
      ({ figures }) => figures.contested,
    ],
    [gauge('gates_closed', 'Gates on data that are not open.'), ({ figures }) => figures.gatesClosed],
    [
      gauge('approvals_waiting', 'Actions that wait for an approval.'),
      ({ figures }) => figures.approvals.waiting,
    ],
    [
      gauge('approval_oldest_seconds', 'Since the oldest approval that waits was asked for.'),
      ({ figures }) => figures.approvals.oldestMs / 1000,
    ],
    [
      gauge(
        'approval_first_expiry_seconds',
        'Until the first approval that waits expires; +Inf when none does.',
      ),
      ({ figures }) => (figures.approvals.firstExpiryMs ?? Number.POSITIVE_INFINITY) / 1000,
    ],
    [gauge('ledger_entries', 'Entries ever appended to the ledger.'), ({ figures }) => figures.entries],
    [gauge('state_size_bytes', 'The whole state on its disk.'), ({ figures }) => figures.bytes],
    [
      gauge('ledger_unanchored_seconds', 'Since the last anchor when entries came after it, else 0.'),
      ({ figures }) => figures.unanchoredMs / 1000,
    ],
    [gauge('replicas', 'Engines that work on this state now.'), ({ figures }) => figures.replicas],
    [gauge('outbox_messages', 'Messages in the outbox.'), ({ figures }) => figures.messages],
    [
      gauge('revision_rejected', '1 while the head of the branch is not wholly in force.'),
      ({ rejectedCommit }) => Number(rejectedCommit !== undefined),
    ],
    [
      gauge('remote_failing', '1 while the remote repository is down or its head is not taken.'),
      ({ remote }) => Number(remote.length > 0),
    ],
  ];
  const labelled: readonly Pick<Gauge, 'reset'>[] = [revision, episodes, actions, pauses, pauseAge];

  return (alive, found) => {
    readable.set(Number(found !== undefined));
    live.set(Number(alive));
    ready.set(Number(found?.ready.ok ?? false));
    for (const one of labelled) one.reset();
    // Stale numbers would look like a state that could be read.
    for (const [one, value] of single) one.set(found ? value(found) : Number.NaN);
    if (!found) return;
    const { figures, commit } = found;
    if (commit !== undefined) revision.set({ commit }, 1);
    for (const [status, size] of Object.entries(figures.episodes)) episodes.set({ status }, size);
    for (const { verb, state, count } of figures.live) actions.set({ verb, state }, count);
    for (const { scope, count, oldestMs } of figures.pauses) {
      pauses.set({ scope }, count);
      pauseAge.set({ scope }, oldestMs / 1000);
    }
  };
}
