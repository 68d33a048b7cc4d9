/** Who is logged in at the pages: kept in the state as hashes, short, and ended with the token that it began with. */
import { hashOf } from '../canonical.ts';
import {
  grantsOf,
  type Ports,
  principalOf,
  recheckToken,
  type Speaker,
  speakerBy,
  specOf,
} from '../commands/index.ts';
import type { Json, JsonObject } from '../model.ts';
import { randomText } from '../sealing.ts';

const PREFIX = 'session:';
const IDLE_MS = 3_600_000;
const LONGEST_MS = 8 * 3_600_000;
/** A decision needs a proof that is not older. */
export const FRESH_MS = 15 * 60_000;
/** That somebody was seen is not written more often. */
const NOTED_MS = 60_000;
/** Sessions of one principal at once: the oldest goes. */
const MOST = 20;

/** A session as it is kept. Times are real time. */
export interface Session {
  /** Hash of what the browser has. */
  readonly id: string;
  readonly principal: string;
  /** The token that it began with; absent: the identity provider vouched, until `until`. */
  readonly token?: string;
  readonly until: number;
  readonly createdAt: number;
  readonly seenAt: number;
  /** When whoever it is last proved it. */
  readonly provedAt: number;
}

export interface LoggedIn {
  readonly session: Session;
  readonly speaker: Speaker;
}

type Kept = Pick<Ports, 'world' | 'settings'>;

/** Begins a session; gives what the browser is to keep. `until`: it ends then at the latest. */
export async function beginSession(
  { world }: Kept,
  of: {
    readonly principal: string;
    readonly token?: string;
    readonly until?: number;
    /** Now, unless somebody else saw the proof. */
    readonly provedAt?: number;
  },
): Promise<string> {
  const now = world.realClock();
  const secret = randomText(32);
  await sweep(world, of.principal, now);
  const { until = Number.MAX_SAFE_INTEGER, provedAt = now, ...who } = of;
  await keep(world, {
    ...{ id: idOf(secret), ...who, until: Math.min(until, now + LONGEST_MS) },
    ...{ createdAt: now, seenAt: now, provedAt: Math.min(now, provedAt) },
  });
  return secret;
}

/** Who has this session; undefined when it is over, or what it began with counts no more. Being asked keeps it alive. */
export async function sessionOf(ports: Kept, secret: string | undefined): Promise<LoggedIn | undefined> {
  if (secret === undefined || secret.length > 100) return undefined;
  const { world } = ports;
  const now = world.realClock();
  const key = `${PREFIX}${idOf(secret)}`;
  const session = sessionIn((await world.store.facts([key]))[key]?.value ?? null);
  if (!session || now >= session.until || now >= session.seenAt + IDLE_MS) return undefined;
  const speaker = await speakerOf(ports, session);
  if (!speaker || speaker.principal.kind !== undefined) return undefined;
  if (now - session.seenAt > NOTED_MS) await keep(world, { ...session, seenAt: now });
  return { session, speaker };
}

/** Whoever it is has proved it again. */
export async function provedAgain({ world }: Kept, session: Session): Promise<void> {
  const now = world.realClock();
  await keep(world, { ...session, seenAt: now, provedAt: now });
}

export async function endSession({ world }: Kept, { id }: Session): Promise<void> {
  await world.store.transaction(tx => tx.setFact(`${PREFIX}${id}`, null));
}

export function isFresh({ world }: Kept, { provedAt }: Session): boolean {
  return world.realClock() - provedAt < FRESH_MS;
}

async function speakerOf(
  { world, settings }: Kept,
  { principal, token }: Session,
): Promise<Speaker | undefined> {
  if (token === undefined) {
    const spec = specOf(settings, principal);
    return (
      spec && {
        principal: principalOf(principal, spec, { door: 'http' }),
        grants: grantsOf(settings, principal),
      }
    );
  }
  const record = await recheckToken(world.store, token, world.clock());
  if ('problem' in record || record.principal !== principal) return undefined;
  const found = speakerBy(record, 'http', settings);
  return 'problem' in found ? undefined : found;
}

function idOf(secret: string): string {
  return hashOf({ session: secret });
}

async function keep({ store }: Kept['world'], session: Session): Promise<void> {
  await store.transaction(tx => tx.setFact(`${PREFIX}${session.id}`, { ...session }));
}

/** Takes away what is over, and the oldest of somebody who has too many. */
async function sweep({ store }: Kept['world'], principal: string, now: number): Promise<void> {
  const all = Object.entries(await store.factsWithPrefix(PREFIX)).flatMap(([key, { value }]) =>
    value === null ? [] : [{ key, session: sessionIn(value) }],
  );
  const own = all
    .filter(one => one.session?.principal === principal)
    .sort((a, b) => (b.session?.createdAt ?? 0) - (a.session?.createdAt ?? 0));
  const tooMany = new Set(own.slice(MOST - 1).map(one => one.key));
  const over = all.filter(
    ({ key, session }) =>
      !session || now >= session.until || now >= session.seenAt + IDLE_MS || tooMany.has(key),
  );
  if (over.length === 0) return;
  await store.transaction(async tx => {
    for (const { key } of over) await tx.setFact(key, null);
  });
}

function sessionIn(value: Json): Session | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { id, principal, token, until, createdAt, seenAt, provedAt } = value as JsonObject;
  if (typeof id !== 'string' || typeof principal !== 'string') return undefined;
  if (typeof until !== 'number' || typeof createdAt !== 'number') return undefined;
  if (typeof seenAt !== 'number' || typeof provedAt !== 'number') return undefined;
  const by = typeof token === 'string' ? { token } : {};
  return { id, principal, until, createdAt, seenAt, provedAt, ...by };
}
