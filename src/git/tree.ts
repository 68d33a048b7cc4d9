/** Trees of commits: reading the policy files out of one, comparing two, and making one with files changed. */
import git from 'isomorphic-git';
import { PortError } from '../model.ts';
import type { Objects } from './objects.ts';
import {
  contentProblem,
  decodeText,
  FILES_MAX,
  FOLDERS_MAX,
  folded,
  isHidden,
  isYaml,
  refuseProblems,
} from './paths.ts';

export interface PolicyFile {
  /** From the repository's top, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** What becomes of one file: its whole new text, or, without one, that it is gone. */
export interface PolicyEdit {
  readonly path: string;
  readonly text?: string;
}

export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'modified' | 'deleted';
  /** Objects and modes on both sides; absent where the file is not. */
  readonly before?: TreeFile;
  readonly after?: TreeFile;
}

interface TreeFile {
  readonly oid: string;
  readonly mode: string;
}

interface TreeEntry extends TreeFile {
  readonly name: string;
  readonly type: 'tree' | 'blob' | 'commit';
}

const REGULAR = ['100644', '100755'];

/**
 * All policy files of a commit, by path: every *.yaml and *.yml whose path has no part that starts with a dot. Throws one
 * PortError that lists all files that are too large, not UTF-8 or symbolic links.
 */
export async function policyFiles(
  objects: Objects,
  sha: string,
  where: string,
): Promise<readonly PolicyFile[]> {
  const found = await listYaml(objects, sha, where);
  const problems: string[] = [];
  const files: PolicyFile[] = [];
  for (const { path, oid, mode } of found) {
    if (!REGULAR.includes(mode)) {
      problems.push(
        `${path} is a symbolic link or a submodule; expected a regular file; commit the file itself`,
      );
      continue;
    }
    const { blob } = await git.readBlob({ ...objects, oid });
    const problem = contentProblem(path, blob);
    if (problem !== undefined) problems.push(problem);
    else files.push({ path, text: decodeText(blob) ?? '' });
  }
  refuseProblems(where, problems);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function listYaml(
  objects: Objects,
  sha: string,
  where: string,
): Promise<readonly (TreeFile & { path: string })[]> {
  const files: (TreeFile & { path: string })[] = [];
  const folders = [{ oid: sha, prefix: '' }];
  for (let i = 0; i < folders.length; i++) {
    const { oid, prefix } = folders[i] ?? { oid: sha, prefix: '' };
    for (const entry of await readTree(objects, oid)) {
      if (isHidden(entry.name)) continue;
      const path = prefix + entry.name;
      if (entry.type === 'tree') folders.push({ oid: entry.oid, prefix: `${path}/` });
      else if (isYaml(entry.name)) files.push({ path, oid: entry.oid, mode: entry.mode });
    }
    if (files.length > FILES_MAX || folders.length > FOLDERS_MAX) {
      throw new PortError(
        `${where}: more than ${FILES_MAX} YAML files or ${FOLDERS_MAX} folders; expected a repository of policies; move other files to one of their own, or below a folder whose name starts with a dot`,
        { code: 'too-many-files', retry: 'never', subject: where },
      );
    }
  }
  return files;
}

/** The entries of a tree or of a commit's tree, with modes as six digits. */
async function readTree(objects: Objects, oid: string): Promise<readonly TreeEntry[]> {
  const { tree } = await git.readTree({ ...objects, oid });
  return tree.map(entry => ({
    name: entry.path,
    oid: entry.oid,
    mode: entry.mode.padStart(6, '0'),
    type: entry.type,
  }));
}

/** The files that differ between two commits (or trees), by path. Equal folders are not entered. */
export async function changedFiles(
  objects: Objects,
  before: string,
  after: string,
): Promise<readonly FileChange[]> {
  const changes: FileChange[] = [];
  await compareTrees(objects, { before, after, prefix: '' }, changes);
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function compareTrees(
  objects: Objects,
  pair: { readonly before: string | undefined; readonly after: string | undefined; readonly prefix: string },
  changes: FileChange[],
): Promise<void> {
  if (pair.before === pair.after) return;
  const left = await entriesByName(objects, pair.before);
  const right = await entriesByName(objects, pair.after);
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(name), right.get(name)];
    if (a?.oid === b?.oid && a?.mode === b?.mode) continue;
    const path = pair.prefix + name;
    const trees = { before: treeOid(a), after: treeOid(b), prefix: `${path}/` };
    if (trees.before !== undefined || trees.after !== undefined) await compareTrees(objects, trees, changes);
    const change = fileChange(path, a, b);
    if (change !== undefined) changes.push(change);
    if (changes.length > FILES_MAX) return;
  }
}

function treeOid(entry: TreeEntry | undefined): string | undefined {
  return entry?.type === 'tree' ? entry.oid : undefined;
}

function fileChange(
  path: string,
  a: TreeEntry | undefined,
  b: TreeEntry | undefined,
): FileChange | undefined {
  const before = a === undefined || a.type === 'tree' ? undefined : { oid: a.oid, mode: a.mode };
  const after = b === undefined || b.type === 'tree' ? undefined : { oid: b.oid, mode: b.mode };
  if (before && after) return { path, change: 'modified', before, after };
  if (before) return { path, change: 'deleted', before };
  return after && { path, change: 'added', after };
}

async function entriesByName(objects: Objects, oid: string | undefined): Promise<Map<string, TreeEntry>> {
  const entries = oid === undefined ? [] : await readTree(objects, oid);
  return new Map(entries.map(entry => [entry.name, entry]));
}

/** The text of one side of a change; the empty text when it is not there or is no text. */
export async function textOf(objects: Objects, file: TreeFile | undefined): Promise<string> {
  if (file === undefined || file.mode === '160000') return '';
  const { blob } = await git.readBlob({ ...objects, oid: file.oid });
  return decodeText(blob) ?? `(${blob.length} bytes that are not text)\n`;
}

/**
 * The id of a new tree: that of the commit `base` with these edits. Blobs and trees are written, nothing refers to them yet.
 * Throws PortError when a path leads through, or replaces, something that is not a plain file, when it differs from one
 * that is there in case or in the form of its letters only, or when what is to be deleted is not there.
 */
export async function writeFiles(
  objects: Objects,
  base: string | undefined,
  edits: readonly PolicyEdit[],
  prefix = '',
): Promise<string> {
  const entries = await entriesByName(objects, base);
  for (const [name, inside] of groupByFirstPart(edits)) {
    const present = entries.get(name);
    const path = prefix + name;
    refuseTwin(path, name, [...entries.keys()]);
    if (inside.file !== undefined && inside.below.length === 0) {
      if (present && !(present.type === 'blob' && REGULAR.includes(present.mode))) throw notPlain(path);
      if (inside.file.text === undefined) {
        if (!present) throw notThere(path);
        entries.delete(name);
        continue;
      }
      const oid = await git.writeBlob({ ...objects, blob: new TextEncoder().encode(inside.file.text) });
      entries.set(name, { name, oid, mode: present?.mode ?? '100644', type: 'blob' });
    } else {
      if (inside.file !== undefined || (present && present.type !== 'tree')) throw notPlain(path);
      const oid = await writeFiles(objects, present?.oid, inside.below, `${path}/`);
      // git keeps no empty folders.
      if (oid === EMPTY_TREE) entries.delete(name);
      else entries.set(name, { name, oid, mode: '040000', type: 'tree' });
    }
  }
  return git.writeTree({
    ...objects,
    tree: [...entries.values()].map(({ name, ...entry }) => ({ ...entry, path: name })),
  });
}

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

interface Inside {
  file?: PolicyEdit;
  readonly below: PolicyEdit[];
}

function groupByFirstPart(edits: readonly PolicyEdit[]): Map<string, Inside> {
  const groups = new Map<string, Inside>();
  for (const edit of edits) {
    const slash = edit.path.indexOf('/');
    const name = slash < 0 ? edit.path : edit.path.slice(0, slash);
    const group = groups.get(name) ?? { below: [] };
    if (slash < 0) group.file = edit;
    else group.below.push({ ...edit, path: edit.path.slice(slash + 1) });
    groups.set(name, group);
  }
  return groups;
}

/** The text of a plain file of a commit; undefined where there is none, also when it is a link, a folder or a submodule. */
export async function textAt(objects: Objects, sha: string, path: string): Promise<string | undefined> {
  const parts = path.split('/');
  let oid: string | undefined = sha;
  for (const [i, name] of parts.entries()) {
    const found: TreeEntry | undefined = (await entriesByName(objects, oid)).get(name);
    if (i < parts.length - 1) {
      if (found?.type !== 'tree') return undefined;
      oid = found.oid;
    } else if (found?.type === 'blob' && REGULAR.includes(found.mode)) return textOf(objects, found);
  }
  return undefined;
}

function refuseTwin(path: string, name: string, names: readonly string[]): void {
  const twin = names.find(other => other !== name && folded(other) === folded(name));
  if (twin === undefined) return;
  throw new PortError(
    `${path}: there is ${JSON.stringify(twin)} in that folder, which is the same name on disks that ignore case or the form of letters; write that name, or another one`,
    { code: 'path-refused', retry: 'never', subject: path },
  );
}

function notThere(path: string): PortError {
  return new PortError(`${path}: it is to be deleted, and there is no such file; expected one of the base`, {
    code: 'path-refused',
    retry: 'never',
    subject: path,
  });
}

function notPlain(path: string): PortError {
  return new PortError(
    `${path}: there is a folder, symbolic link or submodule of this name; expected a regular file; choose another path`,
    { code: 'path-refused', retry: 'never', subject: path },
  );
}
