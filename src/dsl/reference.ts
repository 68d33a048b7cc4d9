/** What an observation is compared with. Pure. */
import type { DatasetSpec, Evaluator, ReferenceSpec } from '../model.ts';
import { type Closing, closeDataset, refuse } from './closing.ts';

import type { ReferenceText } from './observation-fields.ts';
import type { PolicySpec } from './policy.ts';
import type { Path } from './source.ts';
import { templatePath } from './template.ts';
import { hasRolloutGate } from './written-rules.ts';

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
    if (closing.model || (closing.target.kind === 'model' && !closing.bound)) return { kind: 'training' };
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
  if ('version' in given) return versionOf(closing, given, at);
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

/** The rows of another version, of the same step of a rollout: only there is there one. */
function versionOf(
  closing: Closing,
  { version }: Extract<ReferenceText, { readonly version: string }>,
  at: Path,
): ReferenceSpec | undefined {
  if (!hasRolloutGate(closing.spec))
    return refuse(
      closing,
      at,
      'a version is compared with in gates on rollouts, and this policy has none; expected training, { window, offset }, { from, to } or { dataset }',
    );
  const path = templatePath(version);
  if (path !== undefined && path !== 'rollout.baseline' && path !== 'rollout.canary')
    return refuse(
      closing,
      [...at, 'version'],
      `\${${path}} is no version of a rollout; expected \${rollout.baseline} or \${rollout.canary}`,
    );
  return { kind: 'version', version: path === undefined ? version : { $: path } };
}
