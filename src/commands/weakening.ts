/** Which changes of a policy take protection away: what a reviewer must see first. Pure. */
import { parseDuration } from '../dsl/index.ts';

type Direction = 'lower' | 'higher' | 'gone' | 'shorter-list' | 'longer-list';

/** Paths as `policy-facets.ts` names them; a change in that direction protects less. The first that fits decides. */
const PROTECTIONS: readonly (readonly [path: RegExp, less: readonly Direction[], what: string])[] = [
  [/^guard\.(cooldown)$|^model\.actions\.\w+\.cooldown$/, ['lower', 'gone'], 'the cooldown is shorter'],
  [/(^guard|^model\.actions\.\w+)\.rate\.count$/, ['higher', 'gone'], 'more is allowed'],
  [/(^guard|^model\.actions\.\w+)\.rate\.per$/, ['lower', 'gone'], 'more is allowed in a time'],
  [/approval\.quorum$/, ['lower', 'gone'], 'fewer people must agree'],
  [/approval\.from$/, ['longer-list'], 'more people may decide'],
  [/approval\.from$/, ['gone'], 'nobody is asked any more'],
  [/approval\.expires$/, ['higher', 'gone'], 'the question stands longer'],
  [/approval\.reask$/, ['lower', 'gone'], 'after a no it is asked again sooner'],
  [/^every$/, ['higher'], 'it looks more seldom'],
  [/^rules\.[\w-]+\.for$/, ['higher'], 'it must last longer before it fires'],
  [/^rules\.[\w-]+\.verify\.within$/, ['higher'], 'whether it helped is known later'],
  [/^model\.actions\.\w+\.safe$/, ['shorter-list', 'gone'], 'a safe verb is held by less'],
  [/(fails\.count|steps\.\d+\.fails)$/, ['higher', 'gone'], 'a gate lets more checks fail'],
  [/^guard\.(deny|allow|inhibitedBy|blastRadius)$/, ['shorter-list', 'gone'], 'a guard is gone'],
  [/\.gate\.(on|blocks|reach|taint)$/, ['shorter-list', 'gone'], 'the gate blocks less'],
  [/\.require$/, ['gone'], 'a step no longer requires anything'],
  [/\.verify\.that$/, ['gone'], 'nothing says any more whether it helped'],
  [/^observe\.\w+\.minSamples$/, ['lower', 'gone'], 'it is decided on fewer rows'],
  [/^observe\.\w+\.maxAge$/, ['higher', 'gone'], 'it is decided on older data'],
  [/\.rollout$/, ['gone'], 'traffic moves all at once'],
  [/^connections\.[\w.-]+\.may\./, ['gone'], 'more may be touched'],
];

/** Why a change of this path is less protection; undefined when it is not, or when nobody can tell. */
export function weakening(
  path: string,
  before: string | undefined,
  after: string | undefined,
): string | undefined {
  if (path === 'mode' && after === 'enforce') return before === 'observe' ? 'it acts from now on' : undefined;
  if (path === 'mode')
    return before === 'enforce' && after === 'observe' ? 'it only looks from now on' : undefined;
  if (/^connections\.[\w.-]+\.access$/.test(path))
    return after === 'act' ? 'the connection may be acted on' : undefined;
  if (path === 'excluded.policy') return after === undefined ? undefined : 'it does not apply to this target';
  if (before === undefined) return undefined;
  const known = PROTECTIONS.find(
    ([pattern, directions]) => pattern.test(path) && directions.some(one => isLess(one, before, after)),
  );
  return known?.[2];
}

function isLess(direction: Direction, before: string, after: string | undefined): boolean {
  if (after === undefined) return direction === 'gone';
  if (direction === 'longer-list') return lengthOf(after) > lengthOf(before);
  if (direction === 'shorter-list') return lengthOf(after) < lengthOf(before);
  const [old, now] = [sizeOf(before), sizeOf(after)];
  if (old === undefined || now === undefined) return false;
  return (direction === 'lower' && now < old) || (direction === 'higher' && now > old);
}

function sizeOf(text: string): number | undefined {
  const number = Number(text);
  return Number.isFinite(number) ? number : parseDuration(text);
}

function lengthOf(text: string): number {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.length : 1;
  } catch {
    return 1;
  }
}
