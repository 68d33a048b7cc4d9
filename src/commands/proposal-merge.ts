/** Merging a proposal: who may, what must hold again, and how many persons it takes. It rests on what our own store recorded. */
import { z } from 'zod';
import { peopleBehind } from '../engine/persons.ts';
import type { Principal, SettingsSpec } from '../model.ts';
import type { Ports, ProposalPreview, PullRequest } from './ports.ts';
import { authorOf, peopleOf } from './proposal-author.ts';
import { checksOf } from './proposal-checks.ts';
import { type ProposalRecord, proposalRecord } from './proposal-record.ts';
import { Refusal } from './refusal.ts';
import { safe } from './time.ts';

export const merged = z.object({
  branch: z.string(),
  state: z.enum(['merged', 'approved']).describe('approved: one more person must merge it.'),
  sha: z.string(),
  how: z.string(),
  by: z.string().describe('Who merged, and whether that was proved.'),
  workingTree: z.string(),
  left: z.array(z.string()),
  next: z.string().optional(),
});
type Merged = z.input<typeof merged>;

/** Days of the backtest at the merge: it was shown in full before, and only what fails is of interest. */
const MERGE_DAYS = 1;

/** Merges it, or records that one of the two persons that it takes agrees. Throws Refusal when it may not be merged. */
export async function mergeProposal(ports: Ports, branch: string): Promise<Merged> {
  const { repository, world, principal } = ports;
  const record = await proposalRecord(ports, branch);
  const view = await repository.preview(branch);
  const before = await repository.files(view.head.sha);
  const pull = await ports.remote?.forge?.find(branch);
  const known = refuseAuthors(ports, { branch, record, view, people: peopleOf(before) }, pull);
  const checks = await checksOf(ports, { head: view.head, before, after: view.files, days: MERGE_DAYS });
  if (!checks.ok)
    throw new Refusal(
      `${branch} is not merged: its checks do not pass on the present head ${view.head.sha.slice(0, 7)}:\n${checks.problems.join('\n')}`,
    );
  const agreed = (record?.approvals ?? []).filter(one => one.sha === view.sha);
  const others = agreed.filter(one => one.by.name !== principal.name);
  if (!known && others.length === 0 && !isWaived(ports)) {
    if (agreed.length === 0)
      await ports.proposalNotes.write({ what: 'approved', branch, sha: view.sha, by: principal });
    return {
      ...{
        branch,
        state: 'approved',
        sha: view.sha,
        how: 'not yet',
        by: proof(ports),
        workingTree: 'none',
        left: [],
      },
      next: 'Nobody knows who wrote it, as no door of Flyball recorded it and Settings map its authors to no person: a second person must merge it too.',
    };
  }
  const title = `Merge ${branch}`;
  const done =
    pull && ports.remote?.forge
      ? await mergeAtForge(ports, { branch, sha: view.sha, title }, pull)
      : await repository.merge(branch, {
          sha: view.sha,
          author: authorOf(principal, before),
          at: world.realClock(),
        });
  await ports.proposalNotes.write({ what: 'merged', branch, sha: done.sha, by: principal });
  return { ...{ branch, state: 'merged', by: proof(ports), ...done }, left: [...done.left] };
}

/** The forge merges, at exactly this commit; then the branch here follows. */
async function mergeAtForge(
  { remote, repository }: Ports,
  of: { readonly branch: string; readonly sha: string; readonly title: string },
  pull: PullRequest,
) {
  if (pull.state !== 'open')
    throw new Refusal(`${of.branch}: its pull request ${pull.url} is ${pull.state}; expected an open one.`);
  if (pull.sha !== of.sha)
    throw new Refusal(
      `${of.branch}: its pull request is at ${pull.sha.slice(0, 7)}, and what was looked at is ${of.sha.slice(0, 7)}; propose it anew, or merge it at the forge after a review.`,
    );
  await remote?.forge?.merge(pull.number, of);
  await remote?.fetch();
  const { sha } = await repository.head();
  await remote?.remove(of.branch);
  await repository.close(of.branch);
  return { sha, how: 'pull request', workingTree: 'none', left: [] };
}

interface Authorship {
  readonly branch: string;
  readonly record: ProposalRecord | undefined;
  readonly view: ProposalPreview;
  readonly people: SettingsSpec['people'];
}

/** Refuses whoever has a part in it. True when everybody who wrote it is known. */
function refuseAuthors(
  ports: Ports,
  { branch, record, view, people }: Authorship,
  pull?: PullRequest,
): boolean {
  const { principal } = ports;
  const recorded = record?.sha === view.sha && record.proposers.length > 0;
  const written = peopleBehind(people, view.authors ?? []);
  const isKnown = recorded || written.areKnown;
  if (isWaived(ports)) return isKnown;
  if (!principal.authenticated)
    throw new Refusal(`${branch}: a merge needs proof of a person; expected a token of an approver.`);
  const parts = new Set([
    ...(record?.proposers ?? []).flatMap(namesOf),
    ...written.people,
    ...(view.authors ?? []).flatMap(author => {
      const email = typeof author === 'string' ? author : author.email;
      return /^(.+)@localhost$/.exec(email)?.[1] ?? [];
    }),
    ...(pull?.by === undefined ? [] : Object.keys(people).filter(name => hasLogin(people[name], pull.by))),
  ]);
  if (parts.has(principal.name))
    throw new Refusal(
      `${branch}: ${safe(principal.name, 80)} wrote it, proposed it, or is whom it was proposed for; expected another person to merge it.`,
    );
  return isKnown;
}

function namesOf({ name, onBehalfOf }: Principal): readonly string[] {
  return [name, name.replace(/^agent of /, ''), ...(onBehalfOf === undefined ? [] : [onBehalfOf])];
}

/** Settings may say who somebody is at the forges. */
function hasLogin(person: object | undefined, login: string | undefined): boolean {
  const logins = (person ?? {}) as Readonly<Record<string, unknown>>;
  return login !== undefined && ['github', 'gitlab', 'gitea'].some(forge => logins[forge] === login);
}

/** Where everybody at this machine may decide, nothing is proved, and that is shown. */
function isWaived({ settings }: Ports): boolean {
  return settings.trust === 'local-user';
}

function proof(ports: Ports): string {
  const name = safe(ports.principal.name, 80);
  return isWaived(ports) ? `${name} (unauthenticated, self)` : name;
}

/** For people at a terminal. */
export function mergeText(found: z.output<typeof merged>): string {
  const { branch, how, sha, by, left, workingTree, next } = found;
  if (found.state === 'approved') return `${branch}: ${by} agrees. ${next ?? ''}`.trim();
  const done = `${branch} is merged by ${by} (${how}): ${sha.slice(0, 7)}.`;
  if (workingTree !== 'behind') return done;
  const files = left.join(' ');
  return `${done}\nThe working tree still has ${files} as before: committing it would take the merge back. When your edits there can go: git restore --source=HEAD --staged --worktree ${files}`;
}
