/** What a Dataset says about others: its connection, and what it is made from. Pure. */
import type { DatasetSpec } from '../model.ts';
import { connectionFor } from './check-connection.ts';
import { error } from './diagnostic.ts';
import { blame, type Library, lookUp, ofKind, type Shelved } from './library.ts';

/** Blames a Dataset for what it names and nothing has. */
export function checkDataset(library: Library, shelved: Shelved): void {
  const spec = shelved.document?.spec as DatasetSpec | undefined;
  if (spec === undefined) return;
  connectionFor(library, shelved, spec.connection, ['spec', 'connection'], 'duckdb');
  const { source } = shelved.checked;
  for (const [i, name] of (spec.upstream ?? []).entries()) {
    const at = source.at(['spec', 'upstream', i, 'dataset']);
    if (spec.upstream?.indexOf(name) !== i)
      blame(shelved, error(at, `dataset ${name} stands twice in upstream; expected it once`));
    // One with a mistake of its own is not lost as an ancestor: what descends from it stays known.
    else if (!library.byName.has(`Dataset ${name}`))
      lookUp(library, 'Dataset', name, at, one => blame(shelved, one));
  }
}

/** Blames every Dataset that is made from itself, whatever lies between. */
export function refuseCircles(library: Library): void {
  const upstreamOf = new Map(
    ofKind(library, 'Dataset').flatMap(one => {
      const spec = one.document?.spec as DatasetSpec | undefined;
      return spec === undefined ? [] : [[one.name, spec.upstream ?? []] as const];
    }),
  );
  for (const one of ofKind(library, 'Dataset')) {
    const spec = one.document?.spec as DatasetSpec | undefined;
    for (const [i, first] of (spec?.upstream ?? []).entries()) {
      const way = wayTo(one.name, first, upstreamOf);
      if (way === undefined) continue;
      const at = one.checked.source.at(['spec', 'upstream', i, 'dataset']);
      const circle = [one.name, ...way].join(' ← ');
      blame(one, error(at, `dataset ${one.name} is made from itself: ${circle}; expected no circle`));
    }
  }
}

/** The names from `from` up to `to`, both included; undefined when none leads there. */
function wayTo(
  to: string,
  from: string,
  upstreamOf: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const before = new Map<string, string | undefined>([[from, undefined]]);
  // A map is walked in order of insertion, also what is added on the way.
  for (const [name] of before) {
    if (name === to) return back(name, before);
    for (const next of upstreamOf.get(name) ?? []) if (!before.has(next)) before.set(next, name);
  }
  return undefined;
}

function back(name: string, before: ReadonlyMap<string, string | undefined>): readonly string[] {
  const previous = before.get(name);
  return previous === undefined ? [name] : [...back(previous, before), name];
}
