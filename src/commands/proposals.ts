/** `proposals`: what is proposed, shown with its consequences, merged by a person who is not its author, or closed. */
import { z } from 'zod';
import { command, type Paint } from './command.ts';
import { pageOf } from './cursor.ts';
import type { ProposalView } from './ports.ts';
import { checksOf, checksOutput } from './proposal-checks.ts';
import { merged, mergeProposal, mergeText } from './proposal-merge.ts';
import { type ProposalRecord, proposalRecord, proposalRecords } from './proposal-record.ts';
import { checksText, proposerText } from './proposal-text.ts';
import { Refusal } from './refusal.ts';
import { safe, table, when } from './time.ts';

const view = z.object({
  branch: z.string(),
  title: z.string(),
  author: z.string(),
  proposedBy: z.array(z.string()).describe('By our own record; empty when it came by git alone.'),
  at: z.number(),
  base: z.string(),
  files: z.array(z.string()),
  ahead: z.int(),
  behind: z.int(),
  mergeable: z.string(),
  problem: z.string().optional(),
  url: z.string().optional(),
  rationale: z.string(),
});

const branchInput = z.string().min(1).max(200).describe('As proposals list names it.');

export const proposals = command({
  name: 'proposals list',
  title: 'List proposals',
  description: 'Branches with proposed policy changes, who proposed them, and whether they can be merged.',
  input: z.strictObject({
    limit: z.int().min(1).max(100).default(20),
    cursor: z.string().max(500).optional().describe('From next of the page before.'),
  }),
  output: z.object({ proposals: z.array(view), next: z.string().optional() }),
  role: 'viewer',
  effect: 'read',
  reach: 'fleet',
  examples: ['flyball proposals list'],
  run: async (ports, paging) => {
    const records = await proposalRecords(ports);
    const found = await ports.repository.proposals();
    const page = await pageOf(ports, { list: 'proposals', filters: {} }, paging, found, one => one.branch);
    return {
      proposals: page.items.map(one => shown(one, records.get(one.branch))),
      ...(page.next === undefined ? {} : { next: page.next }),
    };
  },
  text: (found, paint) =>
    found.proposals.length === 0
      ? 'No proposals.'
      : table(
          found.proposals.map(one => [
            paint.bold(one.branch),
            one.title,
            one.proposedBy.join(', ') || one.author,
            when(one.at),
            one.mergeable,
            one.url ?? one.files.join(', '),
          ]),
        ),
});

function shown(one: ProposalView, record: ProposalRecord | undefined): z.input<typeof view> {
  const { sha: _, problem, ...rest } = one;
  return {
    ...rest,
    title: safe(one.title),
    author: safe(one.author),
    proposedBy: (record?.proposers ?? []).map(proposerText),
    rationale: safe(one.rationale, 500),
    files: [...one.files],
    ...(problem === undefined ? {} : { problem: safe(problem) }),
    ...(record?.url === undefined ? {} : { url: record.url }),
  };
}

export const proposalShow = command({
  name: 'proposals show',
  title: 'Show a proposal',
  description:
    'What a proposal changes, policy by policy and as a diff; what it takes away; what it would do now and would have done in the last days; and whether its checks pass on the present head.',
  input: z.strictObject({
    branch: branchInput,
    days: z.int().min(1).max(365).default(30).describe('How far back it is backtested.'),
  }),
  output: z.object({
    branch: z.string(),
    sha: z.string(),
    days: z.int(),
    proposedBy: z.array(z.string()),
    approvedBy: z.array(z.string()).describe('Who agreed to this very commit.'),
    url: z.string().optional(),
    checks: checksOutput,
    diff: z.string(),
  }),
  positional: ['branch'],
  role: 'viewer',
  effect: 'read',
  reach: 'fleet',
  examples: ['flyball proposals show proposals/raise-psi-1a2b3c'],
  run: async (ports, { branch, days }) => {
    const { repository } = ports;
    const record = await proposalRecord(ports, branch);
    const { sha, head, files } = await repository.preview(branch);
    const before = await repository.files(head.sha);
    return {
      ...{ branch, sha, days },
      proposedBy: (record?.proposers ?? []).map(proposerText),
      approvedBy: (record?.approvals ?? []).filter(one => one.sha === sha).map(one => safe(one.by.name, 80)),
      ...(record?.url === undefined ? {} : { url: record.url }),
      checks: await checksOf(ports, { head, before, after: files, days }),
      diff: await repository.diff(branch),
    };
  },
  text: (found, paint) => {
    const lines = found.diff.split('\n').map(line => colour(line, paint));
    const by = found.proposedBy.join(', ') || 'somebody with git, by no door of Flyball';
    const about = `${paint.bold(found.branch)} at ${found.sha.slice(0, 7)}, proposed by ${by}`;
    return [checksText(found.checks, found.days, paint), '', about, ...lines].join('\n');
  },
});

function colour(line: string, paint: Paint): string {
  if (line.startsWith('+')) return paint.good(line);
  return line.startsWith('-') ? paint.bad(line) : line;
}

export const proposalMerge = command({
  name: 'proposals merge',
  title: 'Merge a proposal',
  description:
    'Merges a proposal into the enforced branch, through the forge where there is one; the daemon takes it like any commit. For a person who neither proposed it nor is whom it was proposed for. Its checks must pass again on the present head. Where nobody knows its author, two persons must agree: the first merge is recorded, the second one merges.',
  input: z.strictObject({ branch: branchInput }),
  output: merged,
  positional: ['branch'],
  role: 'approver',
  effect: 'decide',
  reach: 'fleet',
  examples: ['flyball proposals merge proposals/raise-psi-1a2b3c'],
  run: (ports, { branch }) => mergeProposal(ports, branch),
  text: mergeText,
});

export const proposalClose = command({
  name: 'proposals close',
  title: 'Close a proposal',
  description:
    'Closes a proposal that is not wanted: deletes its branch and closes its pull request. Proposed again, it stays closed.',
  input: z.strictObject({ branch: branchInput }),
  output: z.object({ branch: z.string() }),
  positional: ['branch'],
  role: 'operator',
  effect: 'decide',
  reach: 'fleet',
  examples: ['flyball proposals close proposals/raise-psi-1a2b3c'],
  run: async (ports, { branch }) => {
    const { repository, remote, principal } = ports;
    const open = (await repository.proposals()).find(one => one.branch === branch);
    if (!open)
      throw new Refusal(
        `there is no proposal ${safe(branch, 200)}; expected one of 'flyball proposals list'.`,
      );
    // On record first: whatever fails after it, the same proposal does not come back.
    await ports.proposalNotes.write({
      what: 'closed',
      branch,
      sha: open.sha,
      by: principal,
      title: safe(open.title, 120),
    });
    const pull = await remote?.forge?.find(branch);
    if (pull?.state === 'open') await remote?.forge?.close(pull.number);
    await remote?.remove(branch);
    await repository.close(branch);
    return { branch };
  },
  text: found => `${found.branch} is closed.`,
});
