/** A rule's gate, closed: on data as a rule that fires while it is closed, on a rollout as what its holds are judged by. Pure. */
import type { GateSpec, Rule } from '../model.ts';
import { closeSingle, type Observeds, withPresence } from './close-condition.ts';
import { type Closing, refuse, refuseKey } from './closing.ts';
import type { CheckedCondition } from './condition.ts';
import { didYouMean, oneOf, warning } from './diagnostic.ts';
import { reachOf } from './lineage.ts';
import type { GateText } from './rule-fields.ts';
import type { Path } from './source.ts';
import type { WrittenRule } from './written-rules.ts';

/** Verbs whose messages a silence mutes; a gate never does. */
const MESSAGES: readonly string[] = ['notify', 'escalate'];
/** Words of each form. */
const OF_DATA = ['blocks', 'reach', 'reopen', 'taint', 'running'] as const;
const OF_ROLLOUT = ['needs', 'fails'] as const;

export interface ClosedGate {
  readonly rule: Rule;
  readonly conditions: readonly CheckedCondition[];
}

/** The gate of a rule as a rule of its own; undefined when it has none, or after noting the mistakes. */
export function closeGate(
  closing: Closing,
  written: WrittenRule,
  observed: Observeds,
  staleAfterMs: number,
): ClosedGate | undefined {
  const { gate } = written.text;
  if (gate === undefined) return undefined;
  const path: Path = [...written.path, 'gate'];
  const standing = { steps: [], ran: 0, observed };
  const before = closing.diagnostics.length;
  const closed = closeSingle(closing, gate.closed, [...path, 'closed'], { ...standing, where: 'closed' });
  const needs =
    gate.needs === undefined
      ? undefined
      : closeSingle(closing, gate.needs, [...path, 'needs'], { ...standing, where: 'needs' });
  const form =
    gate.on === 'rollout' ? rolloutGate(closing, gate, needs, path) : dataGate(closing, gate, path);
  if (form === undefined || closed === undefined || closing.diagnostics.length > before) return undefined;
  const rule: Rule = {
    name: written.gate,
    when: withPresence(closing, closed, observed, true),
    forMs: 0,
    keepForMs: gate.reopen ?? 0,
    staleAfterMs,
    // biome-ignore lint/suspicious/noThenProperty: the word of the language.
    then: [],
    gate: form,
  };
  return { rule, conditions: needs ? [closed, needs] : [closed] };
}

function rolloutGate(
  closing: Closing,
  gate: GateText,
  needs: CheckedCondition | undefined,
  path: Path,
): GateSpec | undefined {
  for (const word of OF_DATA)
    if (gate[word] !== undefined)
      refuseKey(
        closing,
        [...path, word],
        `${word} belongs to a gate on data, and this one is on a rollout; expected on, needs, closed or fails`,
      );
  if (closing.target.kind !== 'model')
    refuse(
      closing,
      ['spec', 'target'],
      `a gate on a rollout is about a model, and the target is a ${closing.target.kind}; expected a model as target`,
    );
  return {
    on: 'rollout',
    ...(needs && { needs: needs.condition }),
    fails: gate.fails ?? { count: 1, of: 1 },
  };
}

function dataGate(closing: Closing, gate: GateText, path: Path): GateSpec | undefined {
  for (const word of OF_ROLLOUT)
    if (gate[word] !== undefined)
      refuseKey(
        closing,
        [...path, word],
        `${word} belongs to a gate on a rollout, and this one is on data; expected on: rollout, or blocks, reach, closed, reopen, taint or running`,
      );
  if (gate.blocks === undefined)
    return refuse(
      closing,
      [...path, 'blocks'],
      'the gate blocks no verb, so it would hold nothing; expected blocks: [retrain, promote], or on: rollout',
    );
  checkBlocks(closing, gate.blocks, [...path, 'blocks']);
  const chain = `${closing.target.kind}/${closing.target.name}`;
  const dependants = gate.reach === 'dependants' ? reachOf(closing.library, closing.target) : [];
  warnOfReach(closing, gate, dependants, path);
  return {
    on: 'data',
    blocks: gate.blocks,
    reaches: [...new Set([chain, ...dependants])].sort(),
    taint: gate.taint ?? false,
    running: gate.running ?? 'finish',
  };
}

function checkBlocks(closing: Closing, blocks: readonly string[], path: Path): void {
  const { verbs } = closing.catalogue;
  const blockable = Object.values(verbs)
    .filter(verb => !verb.safe && !MESSAGES.includes(verb.name))
    .map(verb => verb.name);
  for (const [i, name] of blocks.entries()) {
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    const at = [...path, i];
    if (verb === undefined)
      refuse(
        closing,
        at,
        `${name} is no verb of this version; expected ${oneOf(blockable)}`,
        didYouMean(name, blockable),
      );
    else if (verb.safe)
      refuse(
        closing,
        at,
        `${name} is a safe verb, and gates never block safe verbs: they are the way back; expected ${oneOf(blockable)}`,
      );
    else if (MESSAGES.includes(name))
      refuse(
        closing,
        at,
        `${name} only tells people, and a gate that blocks it would hide why; expected ${oneOf(blockable)}`,
        'Messages are muted with flyball silence.',
      );
  }
}

/** What is done to a model happens on the model's chain: a gate on data alone would hold nothing there. */
function warnOfReach(closing: Closing, gate: GateText, dependants: readonly string[], path: Path): void {
  const { kind, name } = closing.target;
  if (kind === 'model' || !closing.bound) return;
  const ofModels = (gate.blocks ?? []).filter(verb => {
    const found = closing.catalogue.verbs[verb];
    return found !== undefined && (found.pipeline !== undefined || found.needs.length > 0);
  });
  if (ofModels.length === 0 || dependants.length > 0) return;
  const what = `${ofModels.join(' and ')} ${ofModels.length > 1 ? 'are' : 'is'} about models, and`;
  const message =
    gate.reach === 'dependants'
      ? `${what} no Model descends from ${kind} ${name}, so the gate holds nothing; expected one that does`
      : `${what} the gate reaches ${kind} ${name} alone, so it holds nothing; expected reach: dependants`;
  closing.diagnostics.push(warning('idle-gate', closing.source.at([...path, 'blocks']), message));
}
