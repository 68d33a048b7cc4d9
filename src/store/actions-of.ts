/** What a chain's entries say about its actions: the part of the actions table that can be derived again. Pure. */
import type { Action, ActionState, EntryBody, Json } from '../model.ts';

/** One attempt. `starting` stands for `intended` as well once a start was due: asked about before it is begun. */
export interface DerivedAction {
  readonly action: Action;
  readonly state: ActionState;
  readonly handle?: Json;
  readonly cancelRequested: boolean;
  readonly intendedAt: number;
}

/** Attempts of a chain's actions by key, with the newest attempt of each action id. */
export interface DerivedActions {
  readonly byKey: Map<string, DerivedAction>;
  readonly newest: Map<string, string>;
}

export function noActions(): DerivedActions {
  return { byKey: new Map(), newest: new Map() };
}

/** Takes one entry into `actions`, in place: a chain has many entries and few actions. */
export function foldActions(actions: DerivedActions, body: EntryBody, at: number): void {
  if (body.kind === 'intent') {
    const { action } = body;
    actions.byKey.set(action.key, { action, state: 'intended', cancelRequested: false, intendedAt: at });
    actions.newest.set(action.id, action.key);
    return;
  }
  const id = namedIn(body);
  if (id === undefined || ('stale' in body && body.stale)) return;
  const key = actions.newest.get(id);
  const row = key === undefined ? undefined : actions.byKey.get(key);
  const late = 'attempt' in body && body.attempt !== undefined && body.attempt !== row?.action.attempt;
  if (key === undefined || row === undefined || late) return;
  actions.byKey.set(key, { ...row, ...change(row.state, body) });
}

/** The action that an entry is about, of this chain or of another one. */
function namedIn(body: EntryBody): string | undefined {
  if (body.kind === 'preempted') return body.running;
  return 'action' in body && typeof body.action === 'string' ? body.action : undefined;
}

function change(state: ActionState, body: EntryBody): Partial<DerivedAction> {
  if (isTerminal(state)) return {};
  switch (body.kind) {
    case 'cancel':
    case 'preempted':
      return { cancelRequested: true };
    case 'cancelling':
      return body.overdue ? {} : { cancelRequested: true };
    case 'start-due':
      return state === 'intended' ? { state: 'starting' } : {};
    case 'absent':
      return { state: 'intended' };
    case 'started':
      return { state: 'started', handle: body.handle };
    case 'outcome':
      return body.outcome === 'lost' ? {} : { state: body.outcome };
    case 'unresolved':
      return { state: 'unresolved' };
    case 'withdrawn':
      return { state: 'withdrawn' };
    case 'resolve':
      return { state: body.as === 'succeeded' ? 'succeeded' : 'failed' };
    default:
      return {};
  }
}

/** Nothing can happen to it any more. */
export function isTerminal(state: ActionState): boolean {
  return ['succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn'].includes(state);
}

/** `starting` is a column and no entry, so the table may be either where the entries say that nothing has begun. */
export function agree(derived: ActionState, stored: ActionState): boolean {
  const begun = (state: ActionState) => (state === 'intended' ? 'starting' : state);
  return begun(derived) === begun(stored);
}
