/** An explanation in words for a terminal. */
import type { Paint } from './command.ts';
import type { Output } from './explain.ts';
import { table, when } from './time.ts';

/** Action, verdicts with operands and holds, and the trail of entries. */
export function text(found: Output, paint: Paint): string {
  const colour: Record<string, (s: string) => string> = {
    ok: paint.good,
    breach: paint.bad,
    unknown: paint.warn,
  };
  const parts = found.sections.map(one => {
    const head = `${(colour[one.verdict] ?? paint.bold)(one.verdict.toUpperCase())} ${paint.bold(one.policy)}${one.group ? ` [${one.group}]` : ''} on ${one.target}: ${one.clause}`;
    const operands = one.operands.map(op => [
      op.name,
      op.value,
      op.interval ?? '',
      op.rows === undefined ? '' : `n=${op.rows}`,
      op.comparison ? `${op.comparison} is ${op.truth ?? ''}` : '',
    ]);
    const facts = [
      ['state', one.state],
      ['decision', one.decision],
      ...one.holds.map(hold => ['held', hold]),
      ...one.members.map(member => ['members', member]),
      ['mode', one.mode],
      ...(one.nextCheck ? [['next check', one.nextCheck]] : []),
      ['from', `${one.where}, commit ${one.commit.slice(0, 7)} by ${one.author}`],
    ];
    return [head, table(operands, '  '), table(facts, '  ')].filter(part => part !== '').join('\n');
  });
  const action = found.action;
  const about = action
    ? [
        `${paint.bold(action.verb)} ${action.subject}: ${action.state}`,
        table(
          [
            ['action', action.id],
            ['key', action.key],
            ['episode', String(action.episode)],
            ['arguments', action.args],
          ],
          '  ',
        ),
      ]
    : [];
  const trail = found.trail.map(one => [String(one.seq), when(one.at), one.kind, one.text]);
  return [...about, ...parts, ...(trail.length > 0 ? [paint.bold('Trail'), table(trail, '  ')] : [])].join(
    '\n',
  );
}
