/** Which files of the policy repository agents may propose to change, as its Settings say. Pure. */
import type { SettingsSpec } from '../model.ts';
import { checkFile, type File } from './documents.ts';
import { matchesGlob } from './glob.ts';

const UNLESS_SAID = ['policies/**'];

/** The patterns, and whether they name a path. Undefined when the Settings have mistakes, so that nobody knows. */
export function agentPaths(
  files: readonly File[],
): { readonly globs: readonly string[]; matches(path: string): boolean } | undefined {
  const spec = settingsIn(files);
  if (spec === undefined) return undefined;
  const globs = spec.proposals?.agents.paths ?? UNLESS_SAID;
  return { globs, matches: path => globs.some(glob => matchesGlob(path, glob)) };
}

/** The Settings of these files, empty ones when there are none; undefined when they have mistakes. */
export function settingsIn(files: readonly File[]): SettingsSpec | undefined {
  const checked = files.map(checkFile);
  const settings = checked.flatMap(file => file.documents).filter(one => one.kind === 'Settings');
  // Where none are found, they may stand in a file that cannot be read.
  if (settings.length === 0 && checked.some(file => file.unreadable.length > 0)) return undefined;
  if (settings.length > 1 || settings.some(one => one.document === undefined)) return undefined;
  return (settings[0]?.document?.spec as SettingsSpec | undefined) ?? { people: {}, groups: {} };
}
