/** `token create`, `token list`, `token revoke`: what people and agents prove themselves with. */
import { z } from 'zod';
import { capped, grantsOf, greatestRole, suffices } from './access.ts';
import { command, ROLES } from './command.ts';
import type { Ports } from './ports.ts';
import { Refusal } from './refusal.ts';
import { safe, table, when } from './time.ts';
import { untilOf } from './time-input.ts';
import { keepToken, newToken, readTokens, type TokenRecord } from './tokens.ts';

/** Longer than this nobody remembers what a token was for. */
const LONGEST_MS = 366 * 86_400_000;

const shown = z.object({
  id: z.string(),
  principal: z.string(),
  kind: z.string(),
  role: z.string().optional().describe('No more than this.'),
  note: z.string(),
  by: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  state: z.enum(['valid', 'expired', 'revoked', 'unknown principal']),
});

export const tokenCreate = command({
  name: 'token create',
  title: 'Create a token',
  description:
    'Makes a bearer token for a principal of daemon.yaml and shows it this once; only its hash is kept. Whoever makes it has an approver’s role proved by a token, and gives away no more than they have; the very first token of an approver may be made by whoever owns the state.',
  input: z.strictObject({
    principal: z.string().min(1).max(80).describe('A name under principals in daemon.yaml.'),
    expires: z
      .string()
      .min(1)
      .max(40)
      .default('90d')
      .describe('When it ends: 30d, or a time; at most a year.'),
    role: z.enum(ROLES).optional().describe('No more than this role, whatever the principal has.'),
    note: z.string().max(200).default('').describe('What it is for.'),
  }),
  output: z.object({ ...shown.shape, token: z.string() }),
  positional: ['principal'],
  role: 'operator',
  effect: 'decide',
  reach: 'fleet',
  examples: ['flyball token create ana --expires 30d', 'flyball token create claude --note "on the laptop"'],
  run: create,
  text: found =>
    [
      found.token,
      `For ${found.principal} (${found.kind}), until ${when(found.expiresAt)} UTC; its id is ${found.id}. It is not shown again.`,
    ].join('\n'),
});

async function create(
  ports: Ports,
  input: { principal: string; expires: string; role?: TokenRecord['role'] | undefined; note: string },
) {
  const { store, clock } = ports.world;
  const spec = ports.settings.principals?.[input.principal];
  if (!spec) {
    const known = Object.keys(ports.settings.principals ?? {}).join(', ') || 'none yet';
    throw new Refusal(
      `no principal ${safe(input.principal, 80)} in daemon.yaml; expected one of: ${known}. Add it under principals.`,
      'absent',
    );
  }
  const at = clock();
  await requireRight(ports, input, at);
  const expiresAt = untilOf(input.expires, at);
  if (expiresAt <= at || expiresAt > at + LONGEST_MS)
    throw new Refusal(
      `expires: found ${safe(input.expires, 40)}; expected a time within a year from now, such as 90d.`,
    );
  const { text, record } = newToken({
    principal: input.principal,
    note: safe(input.note, 200),
    by: ports.principal.name,
    createdAt: at,
    expiresAt,
    ...(input.role === undefined ? {} : { role: input.role }),
  });
  await keepToken(store, record);
  return { ...view(ports, record, at), token: text };
}

/** Nobody gives away more than they have; who owns the state makes the first token of somebody who decides. */
async function requireRight(
  ports: Ports,
  input: { principal: string; role?: TokenRecord['role'] | undefined },
  at: number,
): Promise<void> {
  const { principal, settings, grants } = ports;
  if (settings.trust === 'local-user' && !principal.authenticated) return;
  const own = greatestRole(grants);
  if (principal.authenticated && own !== undefined && suffices(own, 'approver')) {
    const spec = grantsOf(settings, input.principal);
    const given = greatestRole(input.role === undefined ? spec : capped(spec, input.role));
    if (given === undefined || suffices(own, given)) return;
    throw new Refusal(
      `token create: it would have the role ${given} and yours is ${own}; say --role ${own} or less.`,
      'role',
    );
  }
  const deciders = (await readTokens(ports.world.store)).filter(
    one => stateOf(ports, one, at) === 'valid' && decides(settings, one),
  );
  if (!principal.authenticated && deciders.length === 0) return;
  throw new Refusal(
    'token create: there is an approver with a token, so this needs proof of one: set FLYBALL_TOKEN, or give it when the terminal asks.',
    'role',
  );
}

function decides(settings: Ports['settings'], { principal, role }: TokenRecord): boolean {
  const grants = grantsOf(settings, principal);
  const greatest = greatestRole(role === undefined ? grants : capped(grants, role));
  return greatest !== undefined && suffices(greatest, 'approver');
}

export const tokenList = command({
  name: 'token list',
  title: 'List tokens',
  description:
    'Who has tokens, since when and until when, and whether they still count. Never the tokens themselves.',
  input: z.strictObject({}),
  output: z.object({ tokens: z.array(shown) }),
  role: 'operator',
  effect: 'read',
  scope: 'audit:read',
  reach: 'fleet',
  examples: ['flyball token list'],
  run: async ports => {
    const at = ports.world.clock();
    return { tokens: (await readTokens(ports.world.store)).map(one => view(ports, one, at)) };
  },
  text: found =>
    found.tokens.length === 0
      ? 'No tokens.'
      : table(
          found.tokens.map(one => [
            ...[one.id, one.principal, one.kind, one.state, `until ${when(one.expiresAt)}`],
            ...[one.role === undefined ? '' : `at most ${one.role}`, `by ${one.by}`, one.note],
          ]),
        ),
});

export const tokenRevoke = command({
  name: 'token revoke',
  title: 'Revoke a token',
  description:
    'Ends a token at once, on every machine that shares the state. Anybody may end their own with it.',
  input: z.strictObject({ id: z.string().min(4).max(10).describe('Its id, or the first characters of it.') }),
  output: shown,
  positional: ['id'],
  role: 'operator',
  effect: 'decide',
  reach: 'fleet',
  examples: ['flyball token revoke 3k9x0a'],
  run: async (ports, input) => {
    const at = ports.world.clock();
    const found = (await readTokens(ports.world.store)).filter(one => one.id.startsWith(input.id));
    const [token] = found;
    if (!token || found.length > 1)
      throw new Refusal(
        `token ${safe(input.id, 10)}: ${found.length} begin so; expected one. 'flyball token list' shows them.`,
        'absent',
      );
    const revoked = { ...token, revokedAt: token.revokedAt ?? at };
    await keepToken(ports.world.store, revoked);
    return view(ports, revoked, at);
  },
  text: found => `${found.id} of ${found.principal} is revoked.`,
});

function stateOf({ settings }: Ports, token: TokenRecord, at: number): z.output<typeof shown>['state'] {
  if (token.revokedAt !== undefined) return 'revoked';
  if (at >= token.expiresAt) return 'expired';
  return settings.principals?.[token.principal] ? 'valid' : 'unknown principal';
}

function view(ports: Ports, token: TokenRecord, at: number): z.input<typeof shown> {
  const { hash: _, revokedAt: __, ...rest } = token;
  return {
    ...rest,
    kind: ports.settings.principals?.[token.principal]?.kind ?? 'unknown',
    state: stateOf(ports, token, at),
  };
}
