/** Makes a proposal: a commit with changed policy files on a branch of its own, without touching index or working tree. */
import git from 'isomorphic-git';
import { hashOf } from '../canonical.ts';
import { PortError } from '../model.ts';
import { checkEdits, noChange, requireBase } from './draft.ts';
import { type Objects, objectsOf, translated } from './objects.ts';
import { refuseProblems } from './paths.ts';
import { branchRef, moveBranch, readRef } from './refs.ts';
import type { PolicyRepository } from './repository.ts';
import { type PolicyEdit, writeFiles } from './tree.ts';

export const PROPOSALS = 'proposals/';
const TITLE_MAX = 120;
/** What stands before a title that takes protection away. */
const SUBJECT_MAX = TITLE_MAX + 20;
const RATIONALE_MAX = 20_000;

export interface Person {
  readonly name: string;
  readonly email: string;
}

export interface ProposalDraft {
  /** The commit that it is made on; it must be in the history of the enforced branch. */
  readonly base: string;
  /** Files that are not named stay as they are. */
  readonly files: readonly PolicyEdit[];
  /** What it is called: the same title of the same owner is the same proposal. */
  readonly title: string;
  /** The first line of the commit; the title unless said. */
  readonly subject?: string;
  /** Whose proposal it is, by name. */
  readonly owner?: string;
  readonly rationale: string;
  readonly author: Person;
  /** When it was proposed: the commit's time. */
  readonly at: number;
  /** The commit that it takes the place of: what this proposal was before, by our own record. */
  readonly replaces?: string;
}

/**
 * The branch and commit of a proposal. The same title of the same owner gives the same branch, however often it is asked for.
 * Throws PortError when a path or text is refused, nothing would change, the base is not on the enforced branch, or the
 * branch has other commits than `replaces`.
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
    const { commit: base } = await git.readCommit({ ...objects, oid: draft.base });
    if (base.tree === tree) throw noChange(where, draft.base);
    const message = commitMessage(draft);
    const commit = { message, tree, parent: [draft.base], author, committer: author };
    const sha = await git.writeCommit({ ...objects, commit });
    return pointBranch(where, repository, {
      branch: branchOf(draft),
      sha,
      objects,
      replaces: draft.replaces,
    });
  });
}

async function pointBranch(
  where: string,
  repository: PolicyRepository,
  made: {
    readonly branch: string;
    readonly sha: string;
    readonly objects: Objects;
    readonly replaces: string | undefined;
  },
): Promise<{ readonly branch: string; readonly sha: string }> {
  const { branch, sha, objects, replaces } = made;
  const { gitDir } = repository;
  if (await moveBranch({ gitDir, branch, from: undefined, to: sha })) return { branch, sha };
  const present = await readRef(gitDir, branchRef(branch));
  if (present !== undefined && (await isSameProposal(objects, present, sha))) return { branch, sha: present };
  const ours = replaces !== undefined && present === replaces;
  if (ours && (await moveBranch({ gitDir, branch, from: replaces, to: sha }))) return { branch, sha };
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

function checkDraft(where: string, { title, subject = title, rationale, files }: ProposalDraft): void {
  const problems: string[] = [];
  const isLine = (text: string, most: number) =>
    text.trim() !== '' && text.length <= most && !/\p{Cc}/u.test(text);
  if (!isLine(title, TITLE_MAX) || !isLine(subject, SUBJECT_MAX)) {
    problems.push(`the title has ${title.length} characters; expected one line of 1 to ${TITLE_MAX}`);
  }
  if (rationale.length > RATIONALE_MAX) {
    problems.push(`the rationale has ${rationale.length} characters; at most ${RATIONALE_MAX}`);
  }
  refuseProblems(where, problems);
  checkEdits(where, files);
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

function commitMessage({ title, subject = title, rationale }: ProposalDraft): string {
  const body = rationale
    .replace(/\r\n?/g, '\n')
    .replace(/(?!\n)\p{Cc}/gu, ' ')
    .trim();
  return `${subject.trim()}\n${body === '' ? '' : `\n${body}\n`}`;
}

/** The branch of a proposal: by its title and whose it is, so that an author who asks again is at the same one. */
export function branchOf({ title, owner = '' }: Pick<ProposalDraft, 'title' | 'owner'>): string {
  const slug = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  const hash = hashOf({ title: title.trim(), owner }).slice(0, 8);
  return `${PROPOSALS}${slug === '' ? 'change' : slug}-${hash}`;
}
