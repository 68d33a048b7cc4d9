/** Which targets a policy is about: the one that it names, or all whose labels it selects. Pure. */
import type { DocumentKind, Labels, TargetKind, TargetRef } from '../model.ts';
import { type Library, ofKind, type Shelved } from './library.ts';
import type { PolicySpec } from './policy.ts';
import { valueAt } from './shape.ts';

/** The document kind of each kind of target. */
export const DOCUMENT_OF: Readonly<Record<TargetKind, DocumentKind>> = {
  model: 'Model',
  dataset: 'Dataset',
  connection: 'Connection',
};

const KINDS = Object.keys(DOCUMENT_OF) as readonly TargetKind[];

/** The kind that a policy is about. */
export function targetKindOf(target: PolicySpec['target']): TargetKind {
  const kind = KINDS.find(one => target[one] !== undefined);
  if (kind === undefined)
    throw new Error('flyball bug: the validator let a target through that names nothing');
  return kind;
}

/** The labels that it selects by; undefined when it names one target. */
export function selectorOf(target: PolicySpec['target']): Labels | undefined {
  const named = target[targetKindOf(target)];
  return typeof named === 'object' ? named.labels : undefined;
}

/**
 * The targets by name, sorted. One that is named is given whether it is there or not. A document with mistakes of its own
 * is selected by the labels that it shows, so that what it is governed by is not lost with a slip of the pen.
 */
export function selectTargets(target: PolicySpec['target'], library: Library): readonly TargetRef[] {
  const kind = targetKindOf(target);
  const named = target[kind];
  if (typeof named === 'string') return [{ kind, name: named }];
  const wanted = named?.labels ?? {};
  const found = ofKind(library, DOCUMENT_OF[kind]).filter(one => isSelected(labelsOf(one), wanted));
  return [...new Set(found.map(one => one.name))].sort().map(name => ({ kind, name }));
}

function labelsOf({ document, checked }: Shelved): Labels {
  if (document) return document.labels;
  const written = valueAt(checked.source.value, ['metadata', 'labels']);
  return typeof written === 'object' && written !== null ? (written as Labels) : {};
}

function isSelected(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => Object.hasOwn(labels, name) && labels[name] === value,
  );
}
