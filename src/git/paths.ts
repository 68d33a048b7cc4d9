/** Which paths of a repository are policy files, and which a proposal may write. */
import { PortError } from '../model.ts';

/** Bytes of one policy file, and files of one commit: far above any real use, far below what would hurt. */
export const FILE_BYTES_MAX = 1024 * 1024;
export const FILES_MAX = 2000;
/** Folders of one commit: a small tree object can name itself-like copies a million times over. */
export const FOLDERS_MAX = 10_000;

/** True for names that are passed over: `.github`, `.pre-commit-config.yaml`. */
export function isHidden(name: string): boolean {
  return name.startsWith('.');
}

/** True for the name of a YAML file. */
export function isYaml(name: string): boolean {
  return /\.ya?ml$/.test(name);
}

/** True for a path that `files` would read: YAML, no part of it hidden. */
export function isPolicyPath(path: string): boolean {
  return isYaml(path) && !path.split('/').some(isHidden);
}

/**
 * What is wrong with a path that somebody wants to write, or undefined. Allowed: relative, forward slashes, parts of
 * letters, digits, `_ . -` and blanks that do not start with a dot, ending in .yaml or .yml.
 */
export function pathProblem(path: string): string | undefined {
  if (path.length > 200) return 'it is longer than 200 characters';
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path))
    return 'it is absolute; expected a path inside the repository';
  if (path.includes('\\')) return 'it has a backslash; write forward slashes';
  const parts = path.split('/');
  if (parts.includes('..') || parts.includes('.') || parts.includes(''))
    return "it has a part '..', '.' or ''";
  if (parts.some(isHidden)) return 'a part of it starts with a dot; such files are not policies';
  if (!parts.every(part => /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_. -]*$/u.test(part) && !/[. ]$/.test(part)))
    return 'it has characters other than letters, digits, blanks, _ . and -';
  if (!isYaml(path)) return 'expected a name that ends in .yaml or .yml';
  if (path !== path.normalize('NFC')) return 'its letters are decomposed; write them in Unicode form NFC';
  if (parts.some(part => /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(part)))
    return 'a part of it is the name of a device on Windows';
  return undefined;
}

/** Names of one folder that are equal here are the same file on disks that ignore case or the form of letters. */
export function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase();
}

/** Text of bytes that are UTF-8 without a NUL; else undefined. A byte order mark is dropped. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Collects what is wrong with the files of one version, so that all of it is said at once. */
export function refuseProblems(where: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, 10);
  const more = problems.length > shown.length ? ` (and ${problems.length - shown.length} more)` : '';
  throw new PortError(`${where}: ${shown.join('; ')}${more}`, {
    code: 'files-refused',
    retry: 'never',
    subject: where,
  });
}

/** What is wrong with a policy file's bytes, or undefined. */
export function contentProblem(path: string, bytes: Uint8Array): string | undefined {
  if (bytes.length > FILE_BYTES_MAX) {
    return `${path} has ${bytes.length} bytes; at most ${FILE_BYTES_MAX} are read; split it`;
  }
  return decodeText(bytes) === undefined ? `${path} is not UTF-8 text; save it as UTF-8` : undefined;
}
