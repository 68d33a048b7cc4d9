/** An approval for people at a terminal. */
import type { ApprovalView } from './approval-view.ts';
import type { Paint } from './command.ts';
import { table, value, when } from './time.ts';

export function approvalText(one: ApprovalView, paint: Paint): string {
  const { what, why } = one;
  return [
    `${paint.bold(one.approval)}  ${what.verb} ${what.calls[0]?.subject ?? ''} for ${one.target}: ${standingText(one, paint)}`,
    ...section('What', paint, whatRows(what)),
    ...section('Why', paint, [
      ['rule', `${why.rule}${why.group === '' ? '' : ` [${why.group}]`}, episode ${why.episode}`],
      ['condition', why.condition],
      ...(why.opened && why.opened.clause !== why.condition ? [['because', why.opened.clause]] : []),
      ...(why.opened ? [['then', `${when(why.opened.at)} ${operandsText(why.opened)}`]] : []),
      ...(why.now ? [['now', `${when(why.now.at)} ${why.now.answer}: ${operandsText(why.now)}`]] : []),
      ...why.members.map(line => ['members', line]),
      ['asked as', why.cause],
      ['from', `${why.where}, commit ${why.commit.slice(0, 7)} by ${why.author}`],
      ...one.series.map(line => [line.name, courseText(line)]),
      ...one.tried.map(line => ['tried', line]),
    ]),
    ...section(
      'Since it was asked',
      paint,
      one.changed.map(line => [line]),
    ),
    ...section('Who', paint, whoRows(one)),
  ].join('\n');
}

/** Where it stands, in words. */
export function standingText(one: ApprovalView, paint?: Paint): string {
  const said = one.because === '' ? '' : `: ${one.because}`;
  const became = one.became === undefined ? '' : `; ${one.became}`;
  const text = `${one.standing}${said}${became}`;
  if (!paint) return text;
  return one.standing === 'waiting' ? paint.warn(text) : one.standing === 'granted' ? paint.good(text) : text;
}

function whatRows(what: ApprovalView['what']): string[][] {
  return [
    ...what.calls.map(call => [
      call.capability,
      `${call.subject} on ${call.connection}${call.runs === '' ? '' : `, runs ${call.runs}`}, ${call.args}`,
    ]),
    ['step', what.step],
    ['traffic', what.traffic],
    ...what.rollout.map(({ share, hold, gate }) => ['rollout', `${share} for ${hold}, gate ${gate}`]),
    ...what.later.map(step => ['later', step]),
    ['cost', what.cost],
    ...(what.ends === '' ? [] : [['ends', what.ends]]),
    ['undone', what.undone],
  ];
}

function whoRows(one: ApprovalView): string[][] {
  return [
    ['needs', `${one.needed} yes from ${one.from.join(', ')}; so far ${one.yes.join(', ') || 'none'}`],
    ['may', one.may.join(', ') || 'nobody'],
    ...one.mayNot.map(({ name, why }) => ['may not', `${name}: ${why}`]),
    ...one.votes.map(vote => ['said', voteText(vote)]),
    ['asked', `${when(one.askedAt)} UTC`],
    ['expires', `${when(one.expires)} UTC. ${one.unanswered}`],
    ['plan', one.planHash],
    ['you', one.you.why],
    ...(one.page === undefined ? [] : [['page', one.page]]),
    ...(one.standing === 'waiting'
      ? [['decide', `flyball approve ${one.approval} | flyball deny ${one.approval}`]]
      : []),
  ];
}

/** What one person said. */
export function voteText({
  by,
  decision,
  at,
  comment,
  authenticated,
}: ApprovalView['votes'][number]): string {
  const proof = authenticated ? '' : ' (unauthenticated, self)';
  return `${by}${proof}: ${decision}, ${when(at)} UTC${comment === '' ? '' : `: ${comment}`}`;
}

function operandsText({ operands }: NonNullable<ApprovalView['why']['opened']>): string {
  return operands
    .map(one => `${one.name} = ${one.value}${one.comparison ? ` (${one.comparison})` : ''}`)
    .join(', ');
}

/** A line of a chart in one line of text: its range and its end. */
function courseText({ values, thresholds, at }: ApprovalView['series'][number]): string {
  const known = values.filter(one => one !== null);
  const limits = thresholds.length === 0 ? '' : `, thresholds ${thresholds.map(value).join(', ')}`;
  const since = at[0] === undefined ? '' : ` since ${when(at[0])}`;
  return `${value(Math.min(...known))} … ${value(Math.max(...known))}, last ${value(known.at(-1))}${since}${limits}`;
}

function section(title: string, paint: Paint, rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [paint.bold(title), table(rows, '  ')];
}
