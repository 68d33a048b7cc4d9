/** Entries of the ledger as lines of the structured log: constant messages, and the ids by which everything is found again. */
import type { Entry, JsonObject, Log, Meter, Own } from '../model.ts';

/** Of interest only beside the others of their chain, and many. */
const UNSAID: readonly Entry['body']['kind'][] = ['transition', 'start-due', 'checkpoint', 'anchor'];
/** Something that people should look at. */
const WARNED: readonly Entry['body']['kind'][] = [
  'unresolved',
  'stalled',
  'not-verified',
  'cannot-tell',
  'undoing',
  'reverted',
];

/** A meter that logs what became durable. */
export function entryLog(log: Log): Meter {
  return what => {
    if (what.kind !== 'appended') return;
    for (const entry of what.entries) {
      const { kind } = entry.body;
      if (UNSAID.includes(kind)) continue;
      const fields = fieldsOf(entry, what.own);
      if (WARNED.includes(kind)) log.warn(fields, kind);
      else log.info(fields, kind);
    }
  };
}

/** Ids and words of closed lists; no text that came from outside. */
function fieldsOf({ chain, seq, body }: Entry, own: Own | undefined): JsonObject {
  return {
    chain,
    seq,
    ...('cause' in body && body.cause ? causeFields(body.cause) : {}),
    ...('episode' in body && body.episode !== undefined ? { episode: body.episode } : {}),
    ...('attempt' in body && body.attempt !== undefined ? { attempt: body.attempt } : {}),
    ...('action' in body ? actionFields(body.action, own) : {}),
    ...('approval' in body && body.approval !== undefined ? { approval: body.approval } : {}),
    ...('by' in body ? { by: body.by.name, door: body.by.door } : {}),
    ...wordOf(body),
  };
}

function causeFields({
  policy,
  rule,
  group,
  commit,
}: {
  policy: string;
  rule: string;
  group: string;
  commit: string;
}) {
  return { policy, rule, group, commit };
}

function actionFields(of: unknown, own: Own | undefined): JsonObject {
  const id = typeof of === 'string' ? of : (of as { id?: string } | undefined)?.id;
  if (id === undefined) return {};
  const action = typeof of === 'string' ? own?.actions[of]?.action : (of as Own['actions'][string]['action']);
  if (!action) return { action: id };
  const { key, attempt, verb, call } = action;
  return { action: id, key, attempt, verb, subject: call.subject };
}

/** What kind of such an entry it is. */
function wordOf(body: Entry['body']): JsonObject {
  switch (body.kind) {
    case 'outcome':
      return { outcome: body.outcome };
    case 'decision':
      return {
        outcome: body.decision.outcome,
        reasons: body.decision.holds.map(({ reason }) => reason),
        ...(body.decision.episode === undefined ? {} : { episode: body.decision.episode }),
      };
    case 'episode-ended':
      return { how: body.how };
    case 'withdrawn':
    case 'stalled':
      return { reason: body.reason };
    case 'rollout':
    case 'gate':
      return { state: body.state };
    case 'revision':
      return { commit: body.commit.sha };
    case 'approval':
      return { decision: body.decision };
    case 'pause':
    case 'resume':
      return { scope: body.scope };
    case 'gap':
      return { from: body.from, to: body.to };
    case 'proposal':
      return { what: body.what, branch: body.branch };
    case 'audit':
      return { command: body.command, result: body.result };
    default:
      return {};
  }
}
