/** The files of a draft over those of its base: what it may say, and what always comes from the base. */
import { canonical } from '../canonical.ts';
import { type Compiled, compile, kindsIn } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import type { World } from '../engine/world.ts';
import type { ClosedPolicy, Commit, DocumentKind, Json, Principal } from '../model.ts';
import { isAgent } from './access.ts';
import type { Recorded } from './backtest-history.ts';
import { draftWorld } from './draft-world.ts';
import type { PolicyText, Ports } from './ports.ts';
import { Refusal } from './refusal.ts';

/** Where secrets are sent, what is touched, who decides: nothing of a draft takes their place in a check. */
const OF_THE_BASE: readonly (DocumentKind | undefined)[] = ['Connection', 'Settings'];

/**
 * The files of the base with those of a draft in place of those at the same paths. Throws Refusal when the draft holds, or takes
 * away, a Connection or the Settings, and when an agent's file cannot be read, so that nobody knows what it holds. `looks`: nothing
 * is asked of anybody, and a person may look at an edit of any document.
 */
export function draftOver(
  base: readonly PolicyText[],
  drafts: readonly PolicyText[],
  by: Pick<Principal, 'door' | 'kind'>,
  looks?: 'looks',
): readonly PolicyText[] {
  if (looks === undefined || isAgent({ name: '', authenticated: false, ...by }))
    for (const draft of drafts) requireOwn(draft, base);
  return overlay(base, drafts);
}

function requireOwn(draft: PolicyText, base: readonly PolicyText[]): void {
  const path = draft.path.normalize('NFC').toLowerCase();
  // A path that differs in its case alone is one file to some systems.
  const there = base.filter(file => file.path.normalize('NFC').toLowerCase() === path);
  const held = kindsIn(draft).find(kind => OF_THE_BASE.includes(kind));
  const lost = there.flatMap(kindsIn).find(kind => OF_THE_BASE.includes(kind));
  if (held === undefined && lost === undefined) return;
  const what = held === undefined ? `takes the place of a file with ${aKind(lost)}` : `holds ${aKind(held)}`;
  throw new Refusal(
    `${draft.path.slice(0, 200)} ${what}; expected files with policies. Connections and Settings come from the base commit in every check.`,
  );
}

function aKind(kind: DocumentKind | undefined): string {
  return kind === 'Settings' ? 'the Settings' : 'a Connection';
}

function overlay(files: readonly PolicyText[], drafts: readonly PolicyText[]): readonly PolicyText[] {
  const replaced = new Set(drafts.map(draft => draft.path));
  return [...files.filter(file => !replaced.has(file.path)), ...drafts];
}

/** What a command looks with. Without drafts: the files of the commit and the world as it is; `base` is undefined then. */
export interface Drafted {
  readonly files: readonly PolicyText[];
  readonly world: World;
  readonly base: Compiled | undefined;
}

/** The files of a commit with drafts over them, and the world that those may see. Throws Refusal as `draftOver` does. */
export async function draftOf(
  ports: Ports,
  commit: Commit,
  drafts: readonly PolicyText[] | undefined,
): Promise<Drafted> {
  const { world, repository, settings, principal } = ports;
  const files = await repository.files(commit.sha);
  if (drafts === undefined) return { files, world, base: undefined };
  const base = compile({ files, commit, env: settings.env, catalogue: world.catalogue });
  return { files: draftOver(files, drafts, principal), world: draftWorld(world, base), base };
}

/** The record of what the policy of the base observed, without what a draft under the same name asks otherwise. */
export function ofTheSame(recorded: Recorded, policy: ClosedPolicy, base: Compiled | undefined): Recorded {
  if (base === undefined) return recorded;
  const chain = chainOf(policy.target);
  const before = base.closed.find(one => one.policy === policy.policy && chainOf(one.target) === chain);
  const same = Object.keys(policy.observe).filter(name => askedOf(before, name) === askedOf(policy, name));
  const kept = [...recorded.at].filter(([key]) => same.includes(key.slice(0, key.lastIndexOf(' '))));
  return { ticks: kept.length > 0 ? recorded.ticks : [], at: new Map(kept) };
}

/** What an observation asks; not where it is written, nor what it is compared with. */
function askedOf(policy: ClosedPolicy | undefined, name: string): string | undefined {
  const spec = policy?.observe[name];
  if (spec === undefined) return undefined;
  const { position: _, thresholds: __, ...asked } = spec;
  return canonical(asked as unknown as Json);
}
