/** `policies` and `policy`: what is in force, and the text of one. */
import { z } from 'zod';
import { command } from './command.ts';
import { pageOf } from './cursor.ts';
import { nextCursor, paging } from './paging.ts';
import { unknownName } from './refusal.ts';
import { safe, span, table } from './time.ts';

const summary = z.object({
  policy: z.string(),
  target: z.string(),
  mode: z.string(),
  modeFrom: z.string(),
  everyMs: z.number(),
  when: z.string(),
  verbs: z.array(z.string()),
  commit: z.string(),
  file: z.string(),
  line: z.int().min(0),
  description: z.string().optional(),
});

export const policies = command({
  name: 'policies',
  tool: 'flyball_list_policies',
  title: 'List policies',
  description:
    'The policies in force with target, mode, condition and verbs, and the commit, file and line of each.',
  input: z.strictObject({
    target: z.string().max(200).optional().describe('Only those of this target, as kind/name.'),
    ...paging,
  }),
  output: z.object({ policies: z.array(summary), commit: z.string().optional(), next: nextCursor }),
  positional: ['target'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball policies'],
  run: async (ports, input) => {
    const revision = await ports.world.store.revision();
    const rows = (revision?.policies ?? []).map(one => ({
      policy: one.policy,
      target: `${one.target.kind}/${one.target.name}`,
      mode: one.mode,
      modeFrom: one.modeFrom,
      everyMs: one.everyMs,
      when: one.rules.map(rule => rule.when.text).join('; '),
      verbs: one.rules.flatMap(rule => rule.then.map(step => step.verb)),
      commit: one.commit.sha,
      file: one.position.file,
      line: one.position.line,
      ...(one.description === undefined ? {} : { description: safe(one.description) }),
    }));
    const wanted = rows.filter(row => input.target === undefined || row.target === input.target);
    const of = { list: 'policies', filters: { target: input.target ?? null } };
    const keyOf = (one: (typeof rows)[number]) => `${one.policy} ${one.target}`;
    const { items, next } = await pageOf(ports, of, input, wanted, keyOf);
    return {
      policies: [...items],
      ...(revision ? { commit: revision.commit.sha } : {}),
      ...(next === undefined ? {} : { next }),
    };
  },
  text: (found, paint) =>
    table([
      ['POLICY', 'TARGET', 'MODE', 'EVERY', 'WHEN', 'THEN', 'FILE'].map(paint.bold),
      ...found.policies.map(one => [
        one.policy,
        one.target,
        one.mode,
        span(one.everyMs),
        one.when,
        one.verbs.join(', '),
        `${one.file}:${one.line}`,
      ]),
      ...(found.next === undefined ? [] : [[`More: --cursor ${found.next}`]]),
    ]),
});

export const policy = command({
  name: 'policy',
  tool: 'flyball_get_policy',
  title: 'Read a policy',
  description: 'The YAML text of one policy in force, its commit and author, its effective mode and hashes.',
  input: z.strictObject({ policy: z.string().max(200).describe('Name of the policy.') }),
  output: z.object({
    policy: z.string(),
    text: z.string(),
    file: z.string(),
    line: z.int().min(0),
    commit: z.string(),
    author: z.string(),
    mode: z.string(),
    actingHash: z.string(),
    closureHash: z.string(),
  }),
  positional: ['policy'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: ['flyball policy feature-drift'],
  run: async (ports, input) => {
    const revision = await ports.world.store.revision();
    const found = revision?.policies.find(one => one.policy === input.policy);
    if (!found) {
      const known = (revision?.policies ?? []).map(one => one.policy);
      throw unknownName(`policy ${safe(input.policy, 80)} is not in force`, known, 'none is in force yet');
    }
    return {
      policy: found.policy,
      text: found.text,
      file: found.position.file,
      line: found.position.line,
      commit: found.commit.sha,
      author: safe(found.commit.author.name),
      mode: found.mode,
      actingHash: found.actingHash,
      closureHash: found.closureHash,
    };
  },
  text: (found, paint) =>
    `${paint.dim(`# ${found.file}:${found.line}, commit ${found.commit.slice(0, 7)} by ${found.author}, mode ${found.mode}`)}\n${found.text}`,
});
