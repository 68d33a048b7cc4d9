/** A plan in words: for a terminal, and as the comment of a pull request. */
import type { Paint } from './command.ts';
import { code } from './markdown.ts';
import type { Planned } from './plan.ts';
import { safe, table } from './time.ts';

type Change = NonNullable<Planned['policies']>[number];

/** For people at a terminal. */
export function planText(found: Planned, paint: Paint): string {
  const colour = { ok: paint.good, breach: paint.bad, unknown: paint.warn };
  const rules = found.rules.map(one => [
    colour[one.answer](one.answer.toUpperCase()),
    one.target,
    `${named(one)}${one.group ? ` [${one.group}]` : ''}`,
    one.clause,
    paint.dim(one.values),
  ]);
  const decisions = found.decisions.map(one => [
    paint.bold(one.outcome),
    one.target,
    named(one),
    `${one.verb ?? ''} ${one.why}`.trim(),
  ]);
  const actions = found.actions.map(one => [
    paint.bold(one.outcome),
    `${one.verb} ${one.subject}`,
    JSON.stringify(one.args),
    `${one.later.length > 0 ? `then ${one.later.join(', ')}; ` : ''}plan ${one.planHash.slice(0, 12)}`,
  ]);
  return [
    `commit ${found.commit.slice(0, 7)}${found.inForce === found.commit ? ', in force' : `, not yet in force (${found.inForce?.slice(0, 7) ?? 'nothing is'})`}, plan ${found.hash.slice(0, 12)}`,
    ...found.diagnostics.map(one => (one.startsWith('error') ? paint.bad(one) : paint.warn(one))),
    ...changesText(found, paint),
    table(rules),
    ...section('Decisions', decisions, paint),
    ...section('Would do', actions, paint),
    ...(found.changes.length > 0
      ? section(
          'A tick now would write',
          found.changes.map(one => [one.kind, one.text]),
          paint,
        )
      : ['', 'A tick now would write nothing.']),
    ...(found.saved === undefined ? [] : ['', `Saved. To do exactly this: flyball apply ${found.saved}`]),
  ].join('\n');
}

/** A rule is named when its policy has several; the only one has no name of its own. */
function named({ policy, rule }: { readonly policy: string; readonly rule: string }): string {
  return rule === 'rule' ? policy : `${policy}/${rule}`;
}

function section(title: string, rows: readonly (readonly string[])[], paint: Paint): string[] {
  return rows.length === 0 ? [] : ['', paint.bold(title), table(rows)];
}

const SIGNS = { added: '+', changed: '~', removed: '-', moved: '→', broken: '!' } as const;

function changesText({ base, policies }: Planned, paint: Paint): string[] {
  if (base === undefined || policies === undefined) return [];
  if (policies.length === 0) return [`No policy says anything else than at ${base.slice(0, 7)}.`, ''];
  const lines = policies.flatMap(one => [
    `${SIGNS[one.change]} ${paint.bold(one.policy)} on ${one.target}: ${headline(one)}`,
    ...one.fields.map(field => `    ${fieldText(field, paint)}`),
  ]);
  return [paint.bold(`Since ${base.slice(0, 7)}`), ...lines, ''];
}

function headline(one: Change): string {
  if (one.change === 'moved') return `moved from ${one.from} to ${one.file}`;
  if (one.change === 'broken') return 'has mistakes now; what was in force stays in force';
  if (one.change !== 'changed') return one.change;
  const moved = one.from === undefined ? '' : `, moved from ${one.from}`;
  return `${one.acting ? 'changed' : 'changed in words only: no act depends on it'}${moved}`;
}

function fieldText({ path, before, after, weakens }: Change['fields'][number], paint: Paint): string {
  const warning = weakens === undefined ? '' : ` ${paint.bad(`weakens: ${weakens}`)}`;
  if (before === undefined) return `${path}: ${paint.good(safe(after ?? '', 200))}${warning}`;
  if (after === undefined) return `${path}: ${paint.bad(safe(before, 200))} is gone${warning}`;
  return `${path}: ${safe(before, 200)} → ${safe(after, 200)}${warning}`;
}

/** As Markdown. Everything from a repository or a measurement stands in code, so that it cannot become markup. */
export function planMarkdown(found: Planned): string {
  const weak = (found.policies ?? []).flatMap(one =>
    one.fields.flatMap(field => (field.weakens === undefined ? [] : [{ one, field }])),
  );
  return [
    '### Flyball plan',
    '',
    ...(weak.length > 0
      ? [
          '**Weakening:**',
          ...weak.map(({ one, field }) => `- ${code(one.policy)} ${code(field.path)}: ${field.weakens}`),
          '',
        ]
      : []),
    `Commit ${code(found.commit.slice(0, 7))}${found.base === undefined ? '' : ` against ${code(found.base.slice(0, 7))}`}, plan ${code(found.hash.slice(0, 12))}.`,
    '',
    ...found.diagnostics.map(one => `- ${code(one)}`),
    // A table right after a list would be read as part of its last item.
    ...(found.diagnostics.length > 0 ? [''] : []),
    ...(found.policies === undefined ? [] : changesMarkdown(found.policies)),
    '| Rule | Target | Now | Decision |',
    '| --- | --- | --- | --- |',
    ...found.rules.map(one => {
      const decided = found.decisions.find(
        other => other.target === one.target && other.policy === one.policy && other.rule === one.rule,
      );
      const decision = decided ? `${decided.outcome} ${decided.verb ?? ''} ${decided.why}`.trim() : 'none';
      return `| ${code(named(one))} | ${code(one.target)} | ${one.answer}: ${code(one.clause)} | ${code(decision)} |`;
    }),
    '',
    found.actions.length === 0
      ? nothingDone(found)
      : found.actions
          .map(
            one =>
              `- **${one.outcome}** ${code(`${one.verb} ${one.subject}`)} ${code(JSON.stringify(one.args))}`,
          )
          .join('\n'),
  ].join('\n');
}

/** Messages are no actions of a plan, and are sent all the same. */
function nothingDone({ decisions }: Planned): string {
  return decisions.some(one => one.outcome === 'act')
    ? 'Nothing would be changed now; messages would be sent.'
    : 'Nothing would be done now.';
}

function changesMarkdown(changes: readonly Change[]): string[] {
  if (changes.length === 0) return ['No policy says anything else.', ''];
  return [
    '| Change | Policy | Target | What |',
    '| --- | --- | --- | --- |',
    ...changes.map(one => {
      const what = one.fields.map(
        ({ path, before, after }) =>
          `${code(path)}: ${before === undefined ? '' : code(before)} → ${after === undefined ? 'gone' : code(after)}`,
      );
      return `| ${one.change} | ${code(one.policy)} | ${code(one.target)} | ${what.join('<br>') || headline(one)} |`;
    }),
    '',
  ];
}
