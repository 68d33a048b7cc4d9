/** The pieces that verbs' arguments are made of: what people may write, and the numbers that come of it. Pure. */
import { z } from 'zod';
import type { Json, JsonObject, Predicate, Slot } from '../model.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const DURATION_TEXT = /^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/;
const DURATION = 'a duration with its unit, such as 90d';
const RATIO = 'a share from 0 to 1, such as 10%';

/** A `${…}` that is filled when the action is frozen. */
export const slot: z.ZodType<Slot> = z.strictObject({ $: z.string().min(1) });

/** A text, or the slot that gives it. */
export const textOrSlot = z.union([z.string().min(1), slot], { error: 'expected a text' });

const scalar = z.union([z.number(), z.boolean(), z.string()]);

/** A text for people, or a slot; a slot may have been filled with a number, a boolean or a list of them. */
export const wording = z.union([z.string().min(1), z.number(), z.boolean(), z.array(scalar), slot]);

/** The text of a settled `wording`: lists are joined with commas. */
export function wordingText(value: z.output<typeof wording>): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** A duration: `90d` as people write it, or milliseconds. Gives milliseconds, at least `leastMs`. */
export function duration(leastMs: number) {
  return z
    .union(
      [
        z.string().meta({ pattern: DURATION_TEXT.source, examples: ['90d'] }),
        z.number().meta({ minimum: leastMs }),
      ],
      {
        error: `expected ${DURATION}`,
      },
    )
    .transform((written, context) => {
      const ms = typeof written === 'number' ? written : durationMs(written);
      if (ms !== undefined && ms >= leastMs) return Math.round(ms);
      const found = typeof written === 'number' ? `${written} (milliseconds)` : JSON.stringify(written);
      context.addIssue({ code: 'custom', message: `${found}; expected ${DURATION}` });
      return z.NEVER;
    });
}

function durationMs(text: string): number | undefined {
  if (!DURATION_TEXT.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)];
  return parts.reduce(
    (total, [, count, unit = '']) => total + Number(count) * (UNIT_MS[unit] ?? Number.NaN),
    0,
  );
}

/** A share: `10%` as people write it, or 0..1. Gives 0..1. */
export const ratio = z
  .union(
    [
      z.string().meta({ pattern: String.raw`^0*(100(\.0+)?|\d{1,2}(\.\d+)?)%$`, examples: ['10%'] }),
      z.number().meta({ minimum: 0, maximum: 1 }),
    ],
    { error: `expected ${RATIO}` },
  )
  .transform((written, context) => {
    const share = typeof written === 'number' ? written : percent(written);
    if (share !== undefined && share >= 0 && share <= 1) return share;
    const hint = typeof written === 'number' && written <= 100 ? `. Write ${written}%` : '';
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(written)}; expected ${RATIO}${hint}`,
    });
    return z.NEVER;
  });

function percent(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)%$/.exec(text);
  return parts === null ? undefined : Number(parts[1]) / 100;
}

const predicateTree: z.ZodType<Predicate> = z.lazy(() =>
  z.discriminatedUnion('op', [
    z.strictObject({ op: z.enum(['and', 'or']), args: z.array(predicateTree).min(1) }),
    z.strictObject({ op: z.literal('not'), arg: predicateTree }),
    z.strictObject({
      op: z.enum(['==', '!=', '<', '<=', '>', '>=']),
      column: z.string().min(1),
      value: z.union([scalar, slot]),
    }),
    z.strictObject({
      op: z.literal('in'),
      column: z.string().min(1),
      values: z.union([z.array(scalar), slot]),
    }),
    z.strictObject({ op: z.literal('is-null'), column: z.string().min(1) }),
  ]),
);

/** A row filter: the parsed tree, the slot of a whole one, or the text that the language has yet to parse. */
export const predicate = z.union([predicateTree, slot, z.string().min(1)], {
  error: "expected a filter of rows, such as origin == 'ORD'",
});

/**
 * The arguments as a verb may use them, or why it may not: they do not fit the schema once their slots are filled, or
 * a slot has no value yet.
 */
export function settled<T>(
  schema: z.ZodType<T>,
  args: JsonObject,
): { readonly args: T } | { readonly unbound: string } {
  const open = firstSlot(args, '');
  if (open !== undefined) return { unbound: `${open.at} is \${${open.path}}, which has no value` };
  const parsed = schema.safeParse(args);
  if (parsed.success) return { args: parsed.data };
  const [issue] = parsed.error.issues;
  return { unbound: `${issue?.path.join('.') || 'arguments'}: ${issue?.message ?? 'not understood'}` };
}

function firstSlot(value: Json, at: string): { at: string; path: string } | undefined {
  const path = slotPath(value);
  if (path !== undefined) return { at, path };
  if (value === null || typeof value !== 'object') return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = firstSlot(inner as Json, at === '' ? key : `${at}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The path of a value that is a slot, else undefined. */
export function slotPath(value: Json): string | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const { $: path, ...rest } = value as JsonObject;
  return typeof path === 'string' && Object.keys(rest).length === 0 ? path : undefined;
}
