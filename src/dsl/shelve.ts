/** Puts the documents of one commit on the shelves of a library, and checks what they say about each other. Pure. */
import type { Catalogue } from '../model.ts';
import { bindConnection } from './check-connection.ts';
import { checkDataset, refuseCircles } from './check-dataset.ts';
import { checkModel } from './check-model.ts';
import { checkSettings } from './check-settings.ts';
import { error } from './diagnostic.ts';
import type { Checked } from './documents.ts';
import { blame, type Library, ofKind, type Shelved } from './library.ts';

/**
 * Shelves the documents of a commit as they are in environment `env`; those that contradict each other lose their `document`
 * and say why.
 */
export function shelve(documents: readonly Checked[], catalogue: Catalogue, env: string): Library {
  const all = documents.flatMap((checked): Shelved[] => {
    const { kind, name, document } = checked;
    return kind === undefined || name === undefined
      ? []
      : [{ checked, kind, name, document, diagnostics: [] }];
  });
  const byName = new Map(all.map(one => [`${one.kind} ${one.name}`, one]));
  const library = { all, byName, byKind: Map.groupBy(all, one => one.kind), catalogue };
  refuseDoubles(all);
  // In the order in which they refer to each other, so that a mistake spreads to what depends on it.
  for (const one of ofKind(library, 'Connection')) bindConnection(one, env);
  for (const one of ofKind(library, 'Settings')) checkSettings(library, one);
  for (const one of ofKind(library, 'Dataset')) checkDataset(library, one);
  refuseCircles(library);
  for (const one of ofKind(library, 'Model')) checkModel(library, one);
  return library;
}

function refuseDoubles(all: readonly Shelved[]): void {
  const groups = new Map<string, Shelved[]>();
  for (const one of all) {
    const key = one.kind === 'Settings' ? 'Settings' : `${one.kind} ${one.name}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  for (const [key, group] of groups) {
    if (group.length < 2) continue;
    for (const one of group) {
      const { file, line } = (group.find(other => other !== one) ?? one).checked.source.start;
      blame(
        one,
        error(
          one.checked.source.at(['metadata', 'name']),
          `${key} is also in ${file}:${line}; expected it once`,
        ),
      );
    }
  }
}
