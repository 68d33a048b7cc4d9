/** `token create`, `token list`, `token revoke`: what people and agents prove themselves with. */
import { z } from 'zod';
import { capped, grantsOf, greatestRole, reaches, specOf, suffices } from './access.ts';
import { command, ROLES, terminalOnly } from './command.ts';
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
    'Makes a bearer token for a principal of daemon.yaml and shows it this once; only its hash is kept. People make them for themselves and for the agents that act for them, an admin for anybody; the very first one of an approver may be made by whoever owns the state.',
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
    recover: terminalOnly(
      z
        .boolean()
        .default(false)
        .describe('When no token of an approver counts any more, and the daemon is stopped.'),
    ),
  }),
  output: z.object({ ...shown.shape, token: z.string() }),
  positional: ['principal'],
  role: 'operator',
  effect: 'decide',
  secret: true,
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
  input: {
    principal: string;
    expires: string;
    role?: TokenRecord['role'] | undefined;
    note: string;
    recover: boolean;
  },
) {
  const { store, clock } = ports.world;
  if (!specOf(ports.settings, input.principal)) {
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

/**
 * People make tokens for themselves and for the agents and services that act for them; for others an admin does. Who owns the state
 * makes the first one of somebody who decides, and another one when none of those counts any more, with the engine at rest.
 */
async function requireRight(
  ports: Ports,
  input: { readonly principal: string; readonly recover: boolean },
  at: number,
): Promise<void> {
  const { principal, settings, grants } = ports;
  if (settings.trust === 'local-user' && !principal.authenticated) return;
  if (principal.authenticated) {
    const isOwn =
      input.principal === principal.name || specOf(settings, input.principal)?.for === principal.name;
    if (isOwn || reaches(grants, 'admin', 'fleet')) return;
    throw new Refusal(
      `token create: ${principal.name} makes tokens for ${principal.name} and for the agents that act for them; expected an admin, for anybody else's.`,
      'role',
    );
  }
  const made = (await readTokens(ports.world.store)).filter(one => decides(settings, one));
  const isLeft = made.some(one => stateOf(ports, one, at) === 'valid');
  const isFirst = made.length === 0;
  if (isFirst || (!isLeft && input.recover && (await ports.engine()) === undefined)) return;
  throw new Refusal(
    isLeft
      ? 'token create: there is an approver with a token, so this needs proof: set FLYBALL_TOKEN, or give it when the terminal asks.'
      : 'token create: no token of an approver counts any more. Stop the daemon, then say --recover; it is on record.',
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
    'Ends a token at once, on every machine that shares the state. That of somebody who decides is ended by themselves or by an admin.',
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
    requireMayRevoke(ports, token);
    const revoked = { ...token, revokedAt: token.revokedAt ?? at };
    await keepToken(ports.world.store, revoked);
    return view(ports, revoked, at);
  },
  text: found => `${found.id} of ${found.principal} is revoked.`,
});

/** A token of somebody who decides ends by themselves, or by an admin: nobody locks them out. */
function requireMayRevoke({ settings, principal, grants }: Ports, token: TokenRecord): void {
  if (settings.trust === 'local-user' && !principal.authenticated) return;
  if (principal.authenticated && principal.name === token.principal) return;
  if (principal.authenticated && reaches(grants, 'admin', 'fleet')) return;
  if (!decides(settings, token)) return;
  throw new Refusal(
    `token revoke: ${token.id} is an approver's; expected ${token.principal} or an admin, proved by a token.`,
    'role',
  );
}

function stateOf({ settings }: Ports, token: TokenRecord, at: number): z.output<typeof shown>['state'] {
  if (token.revokedAt !== undefined) return 'revoked';
  if (at >= token.expiresAt) return 'expired';
  return specOf(settings, token.principal) ? 'valid' : 'unknown principal';
}

function view(ports: Ports, token: TokenRecord, at: number): z.input<typeof shown> {
  const { hash: _, revokedAt: __, ...rest } = token;
  return {
    ...rest,
    kind: specOf(ports.settings, token.principal)?.kind ?? 'unknown',
    state: stateOf(ports, token, at),
  };
}
