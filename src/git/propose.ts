/** Makes a proposal: a commit with changed policy files on a branch of its own, without touching index or working tree. */
import git from 'isomorphic-git';
import { hashOf } from '../canonical.ts';
import { PortError } from '../model.ts';
import { type Objects, objectsOf, translated } from './objects.ts';
import { contentProblem, FILES_MAX, pathProblem, refuseProblems } from './paths.ts';
import { branchRef, isSha, moveBranch, readRef } from './refs.ts';
import { headSha, type PolicyRepository } from './repository.ts';
import { type PolicyFile, writeFiles } from './tree.ts';

export const PROPOSALS = 'proposals/';
const TITLE_MAX = 120;
const RATIONALE_MAX = 10_000;

export interface Person {
  readonly name: string;
  readonly email: string;
}

export interface ProposalDraft {
  /** The commit that the author looked at; it must be in the history of the enforced branch. */
  readonly base: string;
  /** Whole new texts. Files that are not named stay as they are. */
  readonly files: readonly PolicyFile[];
  readonly title: string;
  readonly rationale: string;
  readonly author: Person;
  /** When it was proposed: the commit's time. */
  readonly at: number;
}

/**
 * The branch and commit of a proposal. The same base, files and title give the same branch, however often it is asked
 * for. Throws PortError when a path or text is refused, nothing would change, the base is not on the enforced branch,
 * or the branch has meanwhile got other commits.
 */
export function propose(
  repository: PolicyRepository,
  draft: ProposalDraft,
): Promise<{ readonly branch: string; readonly sha: string }> {
  const where = `proposal ${JSON.stringify(draft.title.slice(0, TITLE_MAX))}`;
  return translated(where, async () => {
    checkDraft(where, draft);
    const author = signature(draft.author, draft.at);
    await requireBase(where, repository, draft.base);
    const objects = objectsOf(repository.gitDir, 'write');
    const tree = await writeFiles(objects, draft.base, draft.files);
    await requireChange(where, objects, draft.base, tree);
    const message = commitMessage(draft);
    const commit = { message, tree, parent: [draft.base], author, committer: author };
    const sha = await git.writeCommit({ ...objects, commit });
    return pointBranch(where, repository, { branch: proposalBranch(draft), sha, objects });
  });
}

async function pointBranch(
  where: string,
  repository: PolicyRepository,
  made: { readonly branch: string; readonly sha: string; readonly objects: Objects },
): Promise<{ readonly branch: string; readonly sha: string }> {
  const { branch, sha, objects } = made;
  const { gitDir } = repository;
  if (await moveBranch({ gitDir, branch, from: undefined, to: sha })) return { branch, sha };
  const present = await readRef(gitDir, branchRef(branch));
  if (present !== undefined && (await isSameProposal(objects, present, sha))) return { branch, sha: present };
  throw new PortError(
    `${where}: branch ${branch} exists with other commits; expected the same proposal; change the title, or close it first`,
    { code: 'proposal-exists', retry: 'never', subject: branch },
  );
}

/** True when two commits say the same thing, whoever made them and when. */
async function isSameProposal(objects: Objects, a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map(oid => git.readCommit({ ...objects, oid })));
  return (
    left?.commit.tree === right?.commit.tree &&
    left?.commit.parent.join() === right?.commit.parent.join() &&
    firstLine(left?.commit.message) === firstLine(right?.commit.message)
  );
}

function firstLine(message: string | undefined): string {
  return message?.split('\n', 1)[0] ?? '';
}

async function requireBase(where: string, repository: PolicyRepository, base: string): Promise<void> {
  const head = await headSha(repository);
  if (isSha(base) && (await repository.isDescendant(head, base))) return;
  throw new PortError(
    `${where}: its base ${JSON.stringify(base.slice(0, 40))} is not a commit of branch ${repository.branch}; expected one, such as its head ${head}; read the policies again`,
    { code: 'base-not-on-branch', retry: 'never', subject: base },
  );
}

async function requireChange(where: string, objects: Objects, base: string, tree: string): Promise<void> {
  const { commit } = await git.readCommit({ ...objects, oid: base });
  if (commit.tree !== tree) return;
  throw new PortError(`${where}: all files are the same as in ${base.slice(0, 7)}; expected a change`, {
    code: 'no-change',
    retry: 'never',
    subject: base,
  });
}

function checkDraft(where: string, draft: ProposalDraft): void {
  const problems: string[] = [];
  if (draft.title.trim() === '' || draft.title.length > TITLE_MAX || /\p{Cc}/u.test(draft.title)) {
    problems.push(`the title has ${draft.title.length} characters; expected one line of 1 to ${TITLE_MAX}`);
  }
  if (draft.rationale.length > RATIONALE_MAX) {
    problems.push(`the rationale has ${draft.rationale.length} characters; at most ${RATIONALE_MAX}`);
  }
  if (draft.files.length === 0 || draft.files.length > FILES_MAX) {
    problems.push(`it has ${draft.files.length} files; expected 1 to ${FILES_MAX}`);
  }
  const seen = new Set<string>();
  for (const { path, text } of draft.files) {
    const problem = pathProblem(path);
    if (problem !== undefined) problems.push(`path ${JSON.stringify(path.slice(0, 200))}: ${problem}`);
    if (seen.has(path)) problems.push(`path ${path} stands there twice`);
    seen.add(path);
    const content = contentProblem(path, new TextEncoder().encode(text));
    if (content !== undefined) problems.push(content);
  }
  refuseProblems(where, problems);
}

/** An author or committer of a commit, at a time in milliseconds. Throws PortError for text that would break the commit's header. */
export function signature(
  person: Person,
  at: number,
): { name: string; email: string; timestamp: number; timezoneOffset: number } {
  const name = person.name.trim();
  const email = person.email.trim();
  if (name === '' || /[\p{Cc}<>]/u.test(name + email)) {
    throw new PortError(
      `author ${JSON.stringify(person)}: expected a name and an e-mail address without < > and line ends; correct them in Settings or git config`,
      { code: 'author', retry: 'never', subject: 'author' },
    );
  }
  return { name, email, timestamp: Math.floor(at / 1000), timezoneOffset: 0 };
}

function commitMessage(draft: ProposalDraft): string {
  const rationale = draft.rationale
    .replace(/\r\n?/g, '\n')
    .replace(/(?!\n)\p{Cc}/gu, ' ')
    .trim();
  return `${draft.title.trim()}\n${rationale === '' ? '' : `\n${rationale}\n`}`;
}

function proposalBranch(draft: ProposalDraft): string {
  const slug = draft.title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  const files = draft.files
    .map(({ path, text }) => [path, text] as const)
    .sort((a, b) => (a[0] < b[0] ? -1 : 1));
  const hash = hashOf({ base: draft.base, title: draft.title.trim(), files }).slice(0, 8);
  return `${PROPOSALS}${slug === '' ? 'change' : slug}-${hash}`;
}
