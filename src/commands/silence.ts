/** `silence`, `silences`, `silence end`: people mute messages for a while. Nothing that acts is ever held by one. */
import { z } from 'zod';
import { standingFact } from '../engine/folding.ts';
import { SILENCE_PREFIX, type Silence, silenceOf } from '../engine/notifications.ts';
import { command } from './command.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { safe, table, when } from './time.ts';
import { untilOf } from './time-input.ts';

/** A silence without a near end is forgotten, and then nobody hears anything. */
const LONGEST_MS = 30 * 86_400_000;

const shown = z.object({
  id: z.string(),
  match: z.record(z.string(), z.string()),
  by: z.string(),
  reason: z.string(),
  since: z.number().describe('Milliseconds since the epoch.'),
  until: z.number().describe('Milliseconds since the epoch.'),
});

export const silence = command({
  name: 'silence',
  title: 'Silence messages',
  description:
    "Mutes messages whose labels match, until a time: severity, policy, target, the policy's labels and those of its group. Muted messages are kept and shown as silenced. It never holds an action; pause does that.",
  input: z.strictObject({
    match: z
      .string()
      .min(1)
      .max(500)
      .describe('Labels with their values, such as severity=ticket,policy=feature-drift. All must match.'),
    until: z
      .string()
      .min(1)
      .max(40)
      .describe('How long, such as 4h, or until when, such as 2026-01-31T06:00Z. At most 30d.'),
    reason: z.string().min(1).max(500).describe('Why. Kept in the ledger.'),
  }),
  output: shown,
  role: 'operator',
  effect: 'decide',
  reach: 'fleet',
  examples: ['flyball silence --match severity=ticket --until 4h --reason "migration of the warehouse"'],
  run: async (ports, input) => {
    const now = ports.world.clock();
    await refuseUnknownLabels(ports, Object.keys(matchOf(input.match)));
    const one: Silence = {
      id: ports.newId().replaceAll('-', '').slice(0, 8),
      match: matchOf(input.match),
      by: ports.principal.name,
      reason: input.reason,
      since: now,
      until: endOf(input.until, now),
    };
    await keep(ports, one, one.until);
    return { ...one };
  },
  text: found =>
    `silence ${found.id} mutes ${matchText(found.match)} until ${when(found.until)}; flyball silence end ${found.id} ends it.`,
});

/** A misspelt label would mute nothing, and nobody would know until the night. */
async function refuseUnknownLabels(ports: Ports, names: readonly string[]): Promise<void> {
  const policies = (await ports.world.store.revision())?.policies ?? [];
  const ofGroups = policies.flatMap(policy => [
    ...policy.rules.flatMap(rule => rule.per ?? []),
    ...Object.values(policy.observe).flatMap(({ args }) => [args.by, args.labels].flat()),
  ]);
  const own = policies.flatMap(policy => Object.keys(policy.labels));
  const known = [...new Set(['severity', 'policy', 'target', ...own, ...ofGroups.map(String)])];
  const strange = names.find(name => !known.includes(name));
  if (strange === undefined || policies.length === 0) return;
  throw new Refusal(
    `no message has the label ${safe(strange, 60)}; expected one of: ${known.filter(name => name !== 'undefined').join(', ')}.`,
  );
}

export const silences = command({
  name: 'silences',
  title: 'Silences in force',
  description: 'The silences in force now: what each mutes, who placed it and why, and when it ends.',
  input: z.strictObject({}),
  output: z.object({ silences: z.array(shown) }),
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball silences'],
  run: async ports => ({ silences: (await silencesInForce(ports)).map(one => ({ ...one })) }),
  text: found =>
    found.silences.length === 0
      ? 'Nothing is silenced.'
      : table(
          found.silences.map(one => [
            one.id,
            matchText(one.match),
            `until ${when(one.until)}`,
            `${one.by}: ${safe(one.reason)}`,
          ]),
        ),
});

export const silenceEnd = command({
  name: 'silence end',
  title: 'End a silence',
  description: 'Ends a silence before its time: messages that it would have muted are told again.',
  input: z.strictObject({ id: z.string().min(1).max(64).describe('Its id, or the start of it.') }),
  output: shown,
  positional: ['id'],
  role: 'operator',
  effect: 'decide',
  reach: 'fleet',
  examples: ['flyball silence end 1f0a9c2e'],
  run: async (ports, input) => {
    const all = await silencesInForce(ports);
    const found = all.filter(one => one.id.startsWith(input.id));
    const [one] = found;
    if (one === undefined || found.length > 1) {
      const ids = all.map(each => each.id).join(', ') || 'none is in force';
      throw new Refusal(
        `${safe(input.id, 64)} ${one === undefined ? 'is no silence in force' : 'begins several silences'}; expected one of: ${ids}.`,
      );
    }
    const ended = { ...one, until: ports.world.clock() };
    await keep(ports, ended, undefined);
    return ended;
  },
  text: found => `silence ${found.id} of ${matchText(found.match)} is over.`,
});

/** The silences in force now, the one that ends first before the others. */
export async function silencesInForce(ports: Pick<Ports, 'world'>): Promise<readonly Silence[]> {
  const facts = await ports.world.store.factsWithPrefix(SILENCE_PREFIX);
  const now = ports.world.clock();
  return Object.entries(facts)
    .flatMap(([key, { value }]) => silenceOf(key, value) ?? [])
    .filter(one => now < one.until)
    .sort((a, b) => a.until - b.until);
}

/** On record in the fleet's chain, and as a fact for whoever delivers messages. What is over is taken away. */
async function keep(ports: Ports, one: Silence, until: number | undefined): Promise<void> {
  const { id, match, reason } = one;
  const now = ports.world.clock();
  await ports.world.store.transaction(async tx => {
    for (const [key, { value }] of Object.entries(await tx.factsWithPrefix(SILENCE_PREFIX))) {
      const old = silenceOf(key, value);
      if (old === undefined || old.until <= now) await tx.setFact(key, null);
    }
    const body = { kind: 'silence', id, match, by: ports.principal, reason, until: one.until } as const;
    await tx.fleet([body], now);
    const fact = until === undefined ? undefined : standingFact({ at: now, body });
    await tx.setFact(`${SILENCE_PREFIX}${id}`, fact?.value ?? null);
  });
}

function matchOf(text: string): Record<string, string> {
  const pairs = text.split(',').map(pair => pair.trim());
  const wrong = pairs.find(pair => !/^[^=\s]+=\S.*$/.test(pair));
  if (wrong !== undefined)
    throw new Refusal(
      `--match has ${safe(JSON.stringify(wrong), 80)}; expected labels with their values, such as severity=ticket,policy=feature-drift.`,
    );
  return Object.fromEntries(
    pairs.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

function endOf(text: string, now: number): number {
  const until = untilOf(text, now);
  if (until - now > LONGEST_MS)
    throw new Refusal(
      `--until is ${safe(text, 60)}; a silence lasts at most 30d. Exclude the policy on the Model instead.`,
    );
  return until;
}

/** One silence in one line, for `status`. */
export function silenceText({ id, match, by, reason, until }: Silence): string {
  return `${id} ${matchText(match)} until ${when(until)}, ${safe(by, 60)}: ${safe(reason)}`;
}

function matchText(match: Readonly<Record<string, string>>): string {
  return Object.entries(match)
    .map(([name, value]) => `${safe(name, 40)}=${safe(value, 60)}`)
    .join(',');
}
