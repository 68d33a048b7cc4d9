/** What an observation is compared with. Pure. */
import type { DatasetSpec, Evaluator, ReferenceSpec } from '../model.ts';
import { type Closing, closeDataset, refuse } from './closing.ts';
import type { PolicySpec, ReferenceText } from './policy.ts';
import type { Path } from './source.ts';

type Raw = PolicySpec['observe'][string];

/** The reference with its dataset closed; undefined when there is none, or after noting what is wrong with it. */
export function referenceOf(
  closing: Closing,
  evaluator: Evaluator,
  raw: Raw,
  dataset: DatasetSpec | undefined,
  path: Path,
): ReferenceSpec | undefined {
  const at = [...path, 'reference'];
  const given: ReferenceText | undefined = raw.reference;
  if (given === undefined) {
    if (!evaluator.needsReference) return undefined;
    return refuse(
      closing,
      path,
      `${path.at(-1)} has no reference, and ${evaluator.name} compares with one; expected reference: training, { window, offset }, { from, to } or { dataset }`,
    );
  }
  if (!evaluator.needsReference)
    return refuse(closing, at, `${evaluator.name} compares with no reference; expected none`);
  if (given === 'training') {
    if (closing.model) return { kind: 'training' };
    return refuse(
      closing,
      at,
      `training is the champion's data, and the target is a ${closing.target.kind}; expected another reference`,
    );
  }
  if ('offset' in given) {
    if (dataset && dataset.time === undefined)
      return refuse(closing, at, `dataset ${dataset.name} has no time; expected { dataset } as reference`);
    return { kind: 'offset', windowMs: given.window, offsetsMs: given.offset };
  }
  const name = given.dataset;
  const other = name === undefined ? dataset : closeDataset(closing, name, [...at, 'dataset']);
  if (!('from' in given))
    return name === undefined || other === undefined ? undefined : { kind: 'dataset', dataset: name };
  if (given.to <= given.from)
    return refuse(closing, [...at, 'to'], 'to is not after from; expected a later time');
  if (other && other.time === undefined)
    return refuse(closing, at, `dataset ${other.name} has no time; expected { dataset } as reference`);
  return {
    kind: 'interval',
    interval: { from: given.from, to: given.to },
    ...(name !== undefined && { dataset: name }),
  };
}
