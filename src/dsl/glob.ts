/** Patterns of paths in the policy repository: `*` within one name, `**` over any. No other character has a meaning. Pure. */

const PATTERN = /^[\w.@+*-]+(\/[\w.@+*-]+)*$/;

/** What a pattern should be instead, as *expected …*; undefined when nothing is wrong with it. */
export function globProblem(glob: string): string | undefined {
  const expected = 'expected a pattern of paths such as policies/** or policies/*.yaml';
  const names = glob.split('/');
  if (!PATTERN.test(glob)) return `${expected}, from the repository's folder, of letters, digits, * and **`;
  if (names.includes('..') || names.includes('.')) return `${expected}, below the repository's folder`;
  if (names.some(one => one.includes('**') && one !== '**'))
    return `${expected}: ** stands alone between slashes`;
  if (names.filter(one => one === '**').length > 2) return `${expected}, with at most two **`;
  if (names.some(one => one !== '**' && one.split('*').length > 3))
    return `${expected}, with at most two * in a name`;
  return undefined;
}

/** True when a path, with slashes, is one that the pattern names. Case counts; `..` never matches. */
export function matchesGlob(path: string, glob: string): boolean {
  if (path.split('/').some(name => name === '..' || name === '.' || name === '')) return false;
  return matches(path.split('/'), glob.split('/'));
}

function matches(names: readonly string[], patterns: readonly string[]): boolean {
  const [pattern, ...others] = patterns;
  if (pattern === undefined) return names.length === 0;
  // As in gitignore: `a/**` names everything below a, `**` at the end at least one name.
  if (pattern === '**') {
    if (others.length === 0) return names.length > 0;
    return names.some((_, i) => matches(names.slice(i), others));
  }
  const [first, ...rest] = names;
  if (first === undefined) return false;
  const text = pattern.split('*').map(part => part.replace(/[.+]/g, '\\$&'));
  return new RegExp(`^${text.join('[^/]*')}$`).test(first) && matches(rest, others);
}
