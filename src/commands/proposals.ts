/** `propose` and `proposals`: policy changes on branches, checked before and merged by people. */
import { z } from 'zod';
import { agentPaths, kindsIn } from '../dsl/index.ts';
import { command, type Paint } from './command.ts';
import { Refusal } from './perform.ts';
import type { PolicyText, Ports } from './ports.ts';
import { safe, table, when } from './time.ts';
import { check, fileInput, overlay } from './validate.ts';

/** What agents may change. Settings, Models, Datasets and Connections are for people. */
const AGENT_KINDS = new Set(['Policy']);

export const propose = command({
  name: 'propose',
  tool: 'flyball_propose_policy_change',
  title: 'Propose a policy change',
  description:
    'Commits changed policy files to a branch of their own, never to the enforced one and without touching the working tree, after they were checked together with the rest. A person merges it. The same files, title and base give the same branch. Agents may propose Policy documents only.',
  input: z.strictObject({
    files: z.array(fileInput).min(1).max(20).describe('Whole new texts of the files that change.'),
    title: z.string().min(3).max(120).describe('One line: what changes.'),
    rationale: z.string().max(4000).default('').describe('Why, with the evidence.'),
    base: z
      .string()
      .regex(/^[0-9a-f]{40}$/)
      .optional()
      .describe('The commit that you looked at; default: the head.'),
  }),
  output: z.object({
    branch: z.string(),
    sha: z.string(),
    base: z.string(),
    warnings: z.array(z.string()),
    next: z.string(),
  }),
  role: 'proposer',
  effect: 'propose',
  reach: 'targets',
  examples: [],
  run: makeProposal,
  text: found => `${found.branch} at ${found.sha.slice(0, 7)}. ${found.next}`,
});

async function makeProposal(
  ports: Ports,
  input: {
    files: readonly { path: string; text: string }[];
    title: string;
    rationale: string;
    base?: string | undefined;
  },
) {
  const head = await ports.repository.head();
  const base = input.base ?? head.sha;
  const before = await ports.repository.files(base);
  if (ports.principal.door === 'mcp') {
    for (const file of input.files) refuseKinds(file, before);
    // What is in force says what agents may touch, not the commit that they chose to build on.
    refusePaths(input.files, base === head.sha ? before : await ports.repository.files(head.sha));
  }
  const checked = check(ports, overlay(before, input.files));
  if (!checked.ok)
    throw new Refusal(`the change is not valid:\n${checked.diagnostics.map(one => one.text).join('\n')}`);
  const at = Date.parse(new Date(ports.world.realClock()).toISOString());
  const { title, rationale, files } = input;
  const made = await ports.repository.propose({ base, files, title: safe(title, 120), rationale, at });
  return {
    ...made,
    base,
    warnings: [
      ...removed(check(ports, before).policies, checked.policies),
      ...checked.diagnostics.map(one => one.text),
    ],
    next: `A person merges it with: flyball proposals merge ${made.branch}`,
  };
}

/** Policies that the change takes out of force, which a reviewer must not miss. */
function removed(before: readonly string[], after: readonly string[]): string[] {
  const names = new Set(after.map(line => line.split(' ')[0]));
  return before.flatMap(line => {
    const [name = ''] = line.split(' ');
    return names.has(name) ? [] : [`removes the policy ${name}`];
  });
}

/** Only files that Settings let agents change; none while nobody can tell which those are. */
function refusePaths(files: readonly { readonly path: string }[], head: readonly PolicyText[]): void {
  const allowed = agentPaths(head);
  if (allowed === undefined)
    throw new Refusal(
      'the Settings of the head commit have mistakes, so nobody knows which files agents may change. Ask a person to mend them.',
    );
  const foreign = files.find(({ path }) => !allowed.matches(path));
  if (foreign === undefined) return;
  throw new Refusal(
    `${safe(foreign.path, 200)} is not among the files that agents may change; expected ${allowed.globs.join(' or ')} (spec.proposals.agents.paths of Settings). Ask a person to change it.`,
  );
}

/**
 * Only documents that agents may write, before and after: a Connection must not be turned into a Policy either. What is no
 * document in the new text is told with its line by the check that follows.
 */
function refuseKinds(
  file: { readonly path: string; readonly text: string },
  before: readonly { path: string; text: string }[],
): void {
  const old = before.filter(one => one.path === file.path).flatMap(kindsIn);
  const kinds = [...old.map(kind => kind ?? 'document that cannot be read'), ...kindsIn(file)];
  const foreign = kinds.find(kind => kind !== undefined && !AGENT_KINDS.has(kind));
  if (foreign === undefined) return;
  throw new Refusal(
    `${file.path} holds a ${foreign}; agents may propose Policy documents only. Ask a person to change it.`,
  );
}

const view = z.object({
  branch: z.string(),
  title: z.string(),
  author: z.string(),
  at: z.number(),
  base: z.string(),
  files: z.array(z.string()),
  ahead: z.int(),
  behind: z.int(),
  mergeable: z.string(),
  rationale: z.string(),
});

export const proposals = command({
  name: 'proposals list',
  title: 'List proposals',
  description: 'Branches with proposed policy changes, and whether they can be merged.',
  input: z.strictObject({}),
  output: z.object({ proposals: z.array(view) }),
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball proposals list'],
  run: async ports => {
    const found = await ports.repository.proposals();
    return {
      proposals: found.map(one => ({
        ...one,
        title: safe(one.title),
        author: safe(one.author),
        rationale: safe(one.rationale, 2000),
        files: [...one.files],
      })),
    };
  },
  text: (found, paint) =>
    found.proposals.length === 0
      ? 'No proposals.'
      : table(
          found.proposals.map(one => [
            paint.bold(one.branch),
            one.title,
            one.author,
            when(one.at),
            one.mergeable,
            one.files.join(', '),
          ]),
        ),
});

export const proposalShow = command({
  name: 'proposals show',
  title: 'Show a proposal',
  description: 'The change of a proposal as a diff, and what checking it says.',
  input: z.strictObject({ branch: z.string().min(1).max(200) }),
  output: z.object({ branch: z.string(), diff: z.string() }),
  positional: ['branch'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball proposals show proposals/raise-psi-1a2b3c'],
  run: async (ports, input) => ({ branch: input.branch, diff: await ports.repository.diff(input.branch) }),
  text: (found, paint) =>
    found.diff
      .split('\n')
      .map(line => colour(line, paint))
      .join('\n'),
});

function colour(line: string, paint: Paint): string {
  if (line.startsWith('+')) return paint.good(line);
  return line.startsWith('-') ? paint.bad(line) : line;
}

export const proposalMerge = command({
  name: 'proposals merge',
  title: 'Merge a proposal',
  description:
    'Merges a proposal into the enforced branch; the daemon takes it within two seconds. For people only.',
  input: z.strictObject({ branch: z.string().min(1).max(200) }),
  output: z.object({
    branch: z.string(),
    sha: z.string(),
    how: z.string(),
    workingTree: z.string(),
    left: z.array(z.string()),
  }),
  positional: ['branch'],
  role: 'approver',
  effect: 'decide',
  reach: 'fleet',
  examples: ['flyball proposals merge proposals/raise-psi-1a2b3c'],
  run: async (ports, input) => {
    const merged = await ports.repository.merge(input.branch, ports.world.realClock());
    return { branch: input.branch, ...merged, left: [...merged.left] };
  },
  text: found => {
    const done = `${found.branch} is merged (${found.how}): ${found.sha.slice(0, 7)}.`;
    if (found.workingTree !== 'behind') return done;
    const files = found.left.join(' ');
    return `${done}\nThe working tree still has ${files} as before: committing it would take the merge back. When your edits there can go: git restore --source=HEAD --staged --worktree ${files}`;
  },
});

export const proposalClose = command({
  name: 'proposals close',
  title: 'Close a proposal',
  description: 'Deletes the branch of a proposal that is not wanted.',
  input: z.strictObject({ branch: z.string().min(1).max(200) }),
  output: z.object({ branch: z.string() }),
  positional: ['branch'],
  role: 'operator',
  effect: 'decide',
  reach: 'fleet',
  examples: ['flyball proposals close proposals/raise-psi-1a2b3c'],
  run: async (ports, input) => {
    await ports.repository.close(input.branch);
    return { branch: input.branch };
  },
  text: found => `${found.branch} is closed.`,
});
