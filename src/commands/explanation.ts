/** An explanation: its shape, and its words for a terminal. */
import { z } from 'zod';
import type { Paint } from './command.ts';
import { meaning, meaningsText } from './explain-word.ts';
import { table, when } from './time.ts';

export const operand = z.object({
  name: z.string(),
  value: z.string(),
  interval: z.string().optional(),
  rows: z.number().optional(),
  comparison: z.string().optional(),
  truth: z.string().optional(),
});
const section = z.object({
  target: z.string(),
  policy: z.string(),
  rule: z.string(),
  name: z.string().describe('policy/rule, or the policy alone where it has one rule without a name'),
  group: z.string(),
  verdict: z.string(),
  clause: z.string(),
  operands: z.array(operand),
  state: z.string(),
  sequence: z.string().optional().describe('How far the steps are: round, further attempts, skipped steps.'),
  gate: z.string().optional().describe('Of a gate: whether it is open, and what it blocks.'),
  decision: z.string(),
  holds: z.array(z.string()),
  members: z.array(z.string()),
  nextCheck: z.string(),
  where: z.string().describe('file:line:column of the condition'),
  commit: z.string(),
  author: z.string(),
  mode: z.string(),
});
export const output = z.object({
  now: z.number(),
  sections: z.array(section),
  trail: z
    .array(z.object({ seq: z.number(), at: z.number(), kind: z.string(), text: z.string() }))
    .describe('Ledger entries of the action or episode, oldest first.'),
  action: z
    .object({
      id: z.string(),
      key: z.string(),
      verb: z.string(),
      subject: z.string(),
      state: z.string(),
      args: z.string(),
      episode: z.number(),
    })
    .optional(),
  effective: z
    .array(z.object({ path: z.string(), value: z.string(), at: z.string() }))
    .optional()
    .describe('at: file:line, or default'),
  words: z.array(meaning).optional(),
});
export type Explanation = z.output<typeof output>;

/** Action, verdicts with operands and holds, and the trail of entries. */
export function text(found: Explanation, paint: Paint): string {
  const colour: Record<string, (s: string) => string> = {
    ok: paint.good,
    breach: paint.bad,
    unknown: paint.warn,
  };
  const parts = found.sections.map(one => {
    const head = `${(colour[one.verdict] ?? paint.bold)(one.verdict.toUpperCase())} ${paint.bold(one.name)}${one.group ? ` [${one.group}]` : ''} on ${one.target}: ${one.clause}`;
    const operands = one.operands.map(op => [
      op.name,
      op.value,
      op.interval ?? '',
      op.rows === undefined ? '' : `n=${op.rows}`,
      op.comparison ? `${op.comparison} is ${op.truth ?? ''}` : '',
    ]);
    const facts = [
      ['state', one.state],
      ...(one.sequence ? [['steps', one.sequence]] : []),
      ...(one.gate ? [['gate', one.gate]] : []),
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
  const rows = (found.effective ?? []).map(one => [one.path, one.value, paint.dim(one.at)]);
  const inForce = rows.length > 0 ? [paint.bold('In force'), table(rows, '  ')] : [];
  const trail = found.trail.map(one => [String(one.seq), when(one.at), one.kind, one.text]);
  return [
    ...about,
    ...parts,
    ...inForce,
    ...(found.words ? [meaningsText(found.words, paint)] : []),
    ...(trail.length > 0 ? [paint.bold('Trail'), table(trail, '  ')] : []),
  ].join('\n');
}
