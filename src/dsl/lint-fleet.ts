/** What documents promise each other and cannot keep: gates, inhibitors, approvals, exclusions, routes of messages. Pure. */
import type { ApprovalSpec, ClosedPolicy, ModelSpec, Rule, StepSpec } from '../model.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import { ofKind } from './library.ts';
import { type Finding, finding, type Linted, type LintedPolicy } from './lint-finding.ts';
import { rangesOf } from './lint-statistics.ts';
import { canBe } from './lint-truth.ts';
import type { Path } from './source.ts';

export function fleetFindings(linted: Linted): readonly Finding[] {
  return [
    ...linted.policies.flatMap(policy => [
      ...idleGates(policy, linted),
      ...deadInhibitors(policy, linted),
      ...emptyApprovals(policy),
      ...unroutedMessages(policy),
    ]),
    ...modelFindings(linted),
  ];
}

/** A gate holds verbs of policies that act on what it reaches. */
function idleGates({ rules, source }: LintedPolicy, { policies }: Linted): readonly Finding[] {
  return rules.flatMap(({ rule: { gate }, path }) => {
    if (gate?.on !== 'data') return [];
    const reached = policies.filter(({ closed: { target } }) =>
      gate.reaches.includes(`${target.kind}/${target.name}`),
    );
    const used = new Set(reached.flatMap(({ closed }) => stepsOf(closed).map(step => step.verb)));
    return gate.blocks
      .filter(verb => !used.has(verb))
      .map(verb => {
        const message = `the gate blocks ${verb}, and no policy does that to ${oneOf(gate.reaches)}, so it holds nothing; expected ${used.size > 0 ? 'a verb that one does' : 'a policy that does'}`;
        const at: Path = [...path, 'gate', 'blocks', gate.blocks.indexOf(verb)];
        return finding('idle-gate', source.at(at), message);
      });
  });
}

/** An inhibitor holds others while one of its rules fires, or is unknown. */
function deadInhibitors({ spec, source }: LintedPolicy, { policies, catalogue }: Linted): readonly Finding[] {
  return (spec.guard.inhibitedBy ?? []).flatMap(({ policy: name }, i) => {
    const instances = policies.filter(({ closed }) => closed.policy === name);
    if (instances.length === 0) return [];
    const fires = ({ closed }: LintedPolicy) =>
      closed.rules.some(
        rule =>
          rule.gate?.on !== 'rollout' &&
          canBe(rule.when.logic, true, rangesOf(closed.observe, catalogue, 'sure')),
      );
    if (instances.some(fires)) return [];
    const message = `${name} has no rule that can ever fire, so it never holds anything; expected one that can`;
    return [finding('dead-inhibitor', source.at(['spec', 'guard', 'inhibitedBy', i, 'policy']), message)];
  });
}

/** Approvals that a step asks for; those of the Model are looked at there. */
function emptyApprovals({ closed, rules, source }: LintedPolicy): readonly Finding[] {
  return rules.flatMap(({ rule, path, text }) =>
    rule.then.flatMap((step, i) => {
      if (step.approval === undefined || text.then?.[i]?.approval === undefined) return [];
      const message = whyUnanswered(step.approval, closed.documents, closed.documents.model);
      const at: Path = [...path, 'then', i, 'approval'];
      return message === undefined ? [] : [finding('empty-approval', source.at(at), message)];
    }),
  );
}

/** Why nobody, or too few, can say yes; undefined when enough people can. */
function whyUnanswered(
  { from, quorum }: ApprovalSpec,
  { groups }: Pick<ClosedPolicy['documents'], 'groups'>,
  model: ModelSpec | undefined,
): string | undefined {
  const names = from.map(name => (name === 'owner' && model ? model.owner : name));
  const people = new Set(names.flatMap(name => (Object.hasOwn(groups, name) ? groups[name] : name) ?? []));
  if (people.size >= quorum) return undefined;
  const who = `${names.join(', ')} ${people.size === 0 ? 'has no member' : `is ${people.size === 1 ? '1 person' : `${people.size} people`}`}`;
  const needed = quorum === 1 ? 'one' : String(quorum);
  return `${who}, and the quorum is ${quorum}, so it always expires; expected at least ${needed} who may approve`;
}

/** With routes, a message that none takes is seen by whoever asks for status, and by nobody else. */
function unroutedMessages({ closed, spec, source }: LintedPolicy): readonly Finding[] {
  const { notify: settings, channels = {} } = closed.documents;
  const routes = settings?.routes ?? [];
  if (routes.length === 0 || (closed.notify?.to ?? []).length > 0) return [];
  return closed.rules.flatMap(rule =>
    rule.then.filter(isMessage).flatMap(step => {
      const { to } = step.args;
      if (typeof to === 'string' && Object.hasOwn(channels, to)) return [];
      const labels = labelsOf(closed, step);
      if (routes.some(({ match }) => matches(match, labels, rule))) return [];
      const known = [...new Set(routes.flatMap(({ match }) => match.severity ?? []))];
      const at =
        spec.notify?.severity === undefined ? step.position : source.at(['spec', 'notify', 'severity']);
      const message = `a message of severity ${labels.severity} matches no route of Settings, so it only lies in the outbox; expected ${known.length > 0 ? oneOf(known) : 'a route that takes it'}`;
      const hint =
        didYouMean(labels.severity ?? '', known) ?? 'Or end the routes with { match: {}, to: [digest] }.';
      return [finding('unrouted-message', at, message, hint)];
    }),
  );
}

function isMessage({ verb }: StepSpec): boolean {
  return verb === 'notify' || verb === 'escalate';
}

/** What routes are matched with, but for the labels of a group, which only its members have. */
function labelsOf({ labels, policy, target, notify }: ClosedPolicy, { args }: StepSpec) {
  const own = args.severity === 'page' ? 'page' : 'info';
  const severity = notify?.severity ?? labels.severity ?? own;
  return { ...labels, policy, target: `${target.kind}/${target.name}`, severity };
}

function matches(
  match: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
  rule: Rule,
): boolean {
  return Object.entries(match).every(
    ([name, value]) => labels[name] === value || (rule.per?.includes(name) ?? false),
  );
}

function modelFindings({ library, at }: Linted): readonly Finding[] {
  const [settings] = ofKind(library, 'Settings');
  const groups = (settings?.document?.spec as { readonly groups?: ClosedPolicy['documents']['groups'] })
    ?.groups;
  return ofKind(library, 'Model').flatMap(({ document, checked: { source } }) => {
    if (document === undefined) return [];
    const model = document.spec as ModelSpec;
    const ended = (model.exclude ?? []).flatMap(({ policy, until }, i) =>
      until === undefined || until > at
        ? []
        : [
            finding(
              'expired-exclusion',
              source.at(['spec', 'exclude', i, 'until']),
              `the exclusion from ${policy} ended ${new Date(until).toISOString().slice(0, 10)}, so the policy applies; expected a later end, or no exclusion`,
            ),
          ],
    );
    const approvals = Object.entries(model.actions).flatMap(([verb, { approval }]) => {
      if (approval === undefined || groups === undefined) return [];
      const message = whyUnanswered(approval, { groups }, model);
      if (message === undefined) return [];
      return [finding('empty-approval', source.at(['spec', 'actions', verb, 'approval']), message)];
    });
    return [...ended, ...approvals];
  });
}

function stepsOf({ rules }: ClosedPolicy): readonly StepSpec[] {
  return rules.flatMap(rule => rule.then);
}
