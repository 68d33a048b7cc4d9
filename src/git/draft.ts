/** What a draft changes on the present head of the enforced branch: read, checked and rebased, and nothing is written. */
import git from 'isomorphic-git';
import { type Commit, PortError } from '../model.ts';
import { mergeText } from './merge-text.ts';
import { type Objects, objectsOf, translated } from './objects.ts';
import { applyPatch, parsePatch } from './patch.ts';
import { contentProblem, FILES_MAX, pathProblem, refuseProblems } from './paths.ts';
import { isSha } from './refs.ts';
import { headSha, type PolicyRepository } from './repository.ts';
import { type PolicyEdit, type PolicyFile, textAt, writeFiles } from './tree.ts';

export interface Draft {
  /** The commit that its author looked at; the head unless said. It must be in the history of the enforced branch. */
  readonly base?: string;
  /** Whole new texts, or a unified diff against the base; exactly one of the two. */
  readonly files?: readonly PolicyFile[];
  readonly patch?: string;
}

export interface Drafted {
  /** Where its author looked, and the head that the edits are of. */
  readonly base: string;
  readonly head: Commit;
  readonly edits: readonly PolicyEdit[];
  /** The branch has moved since its base, and the edits were merged with what came. */
  readonly rebased: boolean;
}

/**
 * The edits of a draft against the head. Throws PortError when a path or text is refused, a patch does not fit, nothing
 * would change, the base is not on the enforced branch, or the edits conflict with what came since: the conflict is shown.
 */
export function draftEdits(repository: PolicyRepository, draft: Draft): Promise<Drafted> {
  return translated('proposal', async () => {
    const head = await repository.head();
    const base = draft.base ?? head.sha;
    await requireBase('proposal', repository, base);
    const objects = objectsOf(repository.gitDir, 'dry');
    const made = await editsOf(objects, base, draft);
    checkEdits('proposal', made);
    // Links, submodules and names that differ in case only are refused on both sides, before a text is compared.
    await writeFiles(objects, base, made);
    const edits = base === head.sha ? made : await rebased(objects, base, head.sha, made);
    if (base !== head.sha) await writeFiles(objects, head.sha, edits);
    await requireChange('proposal', objects, head.sha, edits);
    return { base, head, edits, rebased: base !== head.sha };
  });
}

async function editsOf(
  objects: Objects,
  base: string,
  { files, patch }: Draft,
): Promise<readonly PolicyEdit[]> {
  if ((files === undefined) === (patch === undefined))
    throw new PortError('proposal: expected files or a patch, and not both.', {
      code: 'draft',
      retry: 'never',
      subject: 'proposal',
    });
  if (files) return files;
  const parsed = parsePatch(patch ?? '');
  refuseProblems('proposal', pathProblems(parsed));
  const texts = new Map<string, string | undefined>();
  for (const { path } of parsed) texts.set(path, await textAt(objects, base, path));
  return applyPatch(parsed, path => texts.get(path));
}

/** Throws one PortError that lists all that is wrong with paths and texts. */
export function checkEdits(where: string, edits: readonly PolicyEdit[]): void {
  const problems =
    edits.length === 0 || edits.length > FILES_MAX
      ? [`it has ${edits.length} files; expected 1 to ${FILES_MAX}`]
      : [];
  problems.push(...pathProblems(edits));
  for (const { path, text } of edits) {
    const content = text === undefined ? undefined : contentProblem(path, new TextEncoder().encode(text));
    if (content !== undefined) problems.push(content);
  }
  refuseProblems(where, problems);
}

function pathProblems(edits: readonly { readonly path: string }[]): string[] {
  const seen = new Set<string>();
  return edits.flatMap(({ path }) => {
    const problem = pathProblem(path);
    const twice = seen.has(path) ? [`path ${path} stands there twice`] : [];
    seen.add(path);
    return problem === undefined
      ? twice
      : [`path ${JSON.stringify(path.slice(0, 200))}: ${problem}`, ...twice];
  });
}

/** Throws PortError unless this is a commit of the enforced branch. */
export async function requireBase(where: string, repository: PolicyRepository, base: string): Promise<void> {
  const head = await headSha(repository);
  if (isSha(base) && (await repository.isDescendant(head, base))) return;
  throw new PortError(
    `${where}: its base ${JSON.stringify(base.slice(0, 40))} is not a commit of branch ${repository.branch}; expected one, such as its head ${head}; read the policies again`,
    { code: 'base-not-on-branch', retry: 'never', subject: base },
  );
}

async function requireChange(
  where: string,
  objects: Objects,
  head: string,
  edits: readonly PolicyEdit[],
): Promise<void> {
  const { commit } = await git.readCommit({ ...objects, oid: head });
  if ((await writeFiles(objects, head, edits)) !== commit.tree) return;
  throw noChange(where, head);
}

/** Nothing would be different. */
export function noChange(where: string, base: string): PortError {
  return new PortError(`${where}: all files are the same as in ${base.slice(0, 7)}; expected a change`, {
    code: 'no-change',
    retry: 'never',
    subject: base,
  });
}

/** The edits merged with what the branch has got since their base. */
async function rebased(
  objects: Objects,
  base: string,
  head: string,
  edits: readonly PolicyEdit[],
): Promise<readonly PolicyEdit[]> {
  const conflicts: string[] = [];
  const merged: PolicyEdit[] = [];
  for (const edit of edits) {
    const { path, text } = edit;
    const before = await textAt(objects, base, path);
    const now = await textAt(objects, head, path);
    if (now === text) continue;
    if (now === before) merged.push(edit);
    else if (text === undefined || now === undefined) {
      const gone = text === undefined ? 'the proposal deletes it' : 'the branch deleted it';
      conflicts.push(`${path}: ${gone}, and the other side changed it`);
    } else {
      const name = (sha: string) => `branch at ${sha.slice(0, 7)}`;
      const both = mergeText(before ?? '', { name: name(head), text: now }, { name: 'proposal', text });
      if ('text' in both) merged.push({ path, text: both.text });
      else conflicts.push(`${path}:\n${both.conflict}`);
    }
  }
  if (conflicts.length > 0)
    throw new PortError(
      `proposal: it does not merge with what came since its base ${base.slice(0, 7)}; propose it anew on the present head ${head}. The conflict:\n${conflicts.join('\n').slice(0, CONFLICT_SHOWN)}`,
      { code: 'conflict', retry: 'never', subject: base },
    );
  if (merged.length === 0) throw noChange('proposal', head);
  return merged;
}

/** Characters of a conflict that are shown. */
const CONFLICT_SHOWN = 4000;
