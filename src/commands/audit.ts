/** Calls with an effect stand in the fleet chain before their effect; refused ones too, but a flood of them as a count. */
import { canonical, hashOf } from '../canonical.ts';
import type { Json, JsonObject } from '../model.ts';
import type { Command } from './command.ts';
import type { Ports } from './ports.ts';

/** Refusals of one principal within this time are one entry and a count, in milliseconds. */
const MINUTE_MS = 60_000;
/** Longer values do not belong into the audit: whole files stand in git. */
const SHOWN_AT_MOST = 500;
const SECRET_NAMES = /token|secret|password|authorization|credential/i;
const SECRET_VALUES =
  /\bfb_[a-z0-9]+_[\w-]{20,}|\b[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\b/g;

/** Puts one call on record. A refused one only when it is the principal's first in this minute; the rest are counted. */
export async function audit(
  command: Command,
  ports: Ports,
  input: JsonObject,
  refusal?: string,
): Promise<void> {
  if ((command.effect === 'read' && refusal === undefined) || command.needs === 'nothing') return;
  const { world, principal } = ports;
  const at = world.clock();
  const counts = refusal !== undefined && ports.refusals;
  const counted = counts ? counts(principal.name, at) : 0;
  if (counted === undefined) return;
  const body = {
    kind: 'audit' as const,
    by: principal,
    command: command.name,
    input: refusal === undefined ? shown(input) : {},
    digest: hashOf(input),
    result: refusal === undefined ? ('allowed' as const) : ('refused' as const),
    ...(refusal === undefined ? {} : { message: refusal }),
    ...(counted > 0 ? { more: counted } : {}),
  };
  await world.store.transaction(tx => tx.fleet([body], at));
}

/**
 * Counts refusals by principal: how many of the last time were not written when this one is to be, undefined when this one is
 * only counted.
 */
export function refusalCounter(): NonNullable<Ports['refusals']> {
  const counts = new Map<string, { minute: number; unwritten: number }>();
  return (principal, at) => {
    const minute = Math.floor(at / MINUTE_MS);
    const known = counts.get(principal);
    if (known?.minute === minute) {
      known.unwritten += 1;
      return undefined;
    }
    // Names come from tokens that were checked, so there are as many as daemon.yaml has.
    counts.set(principal, { minute, unwritten: 0 });
    return known?.unwritten ?? 0;
  };
}

function shown(input: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(input).map(([name, value]) => [name, shownValue(name, value)]));
}

function shownValue(name: string, value: Json | undefined): Json {
  if (SECRET_NAMES.test(name)) return '(redacted)';
  const text = canonical(value ?? null);
  if (text.length > SHOWN_AT_MOST)
    return `${text.slice(0, SHOWN_AT_MOST).replace(SECRET_VALUES, '(redacted)')}… (${text.length} characters)`;
  return typeof value === 'string' ? value.replace(SECRET_VALUES, '(redacted)') : (value ?? null);
}
