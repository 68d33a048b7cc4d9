/** The pages where a person decides: what waits, one approval, login and logout. They show what commands say, and decide by commands. */
import {
  approval,
  approvals,
  approve,
  deny,
  type Ports,
  perform,
  Refusal,
  type Speaker,
  tokenSpeaker,
} from '../commands/index.ts';
import { approvalPage, type Proof, type ShownApproval } from '../report/approval-page.ts';
import type { Frame } from '../report/page.ts';
import { approvalsPage, loginPage, type ShownWaiting, wordPage } from '../report/pages.ts';
import { cookieOf, setCookie } from './cookies.ts';
import { markForm, requireForm, type Visitor, visitorOf } from './form-marks.ts';
import type { Identify } from './identify.ts';
import type { OidcLogin } from './oidc-login.ts';
import { goTo, ownPath, pageReply } from './page-reply.ts';
import { PROBLEMS, Problem, problemOf } from './problem.ts';
import type { Answer, Asked, Reply, Route } from './route.ts';
import { beginSession, endSession, isFresh, provedAgain, type Session, sessionOf } from './sessions.ts';
import type { Traffic } from './traffic.ts';

export interface PagesOf {
  readonly ports: Ports;
  readonly identify: Identify;
  readonly traffic: Traffic;
  /** The login by the identity provider, where there is one. */
  readonly oidc?: OidcLogin | undefined;
}

/** Whoever looks at a page: logged in, or this machine's user under `trust: local-user`. */
interface Looker {
  readonly speaker: Speaker;
  readonly session?: Session;
  readonly visitor: Visitor;
  readonly ports: Ports;
}

const LOGOUT = { what: 'logout' } as const;
const LOGIN = { what: 'login' } as const;
const DECISIONS = new Map([
  ['approve', approve],
  ['deny', deny],
]);

export function pageRoutes(of: PagesOf): readonly Route[] {
  const { ports, oidc } = of;
  const { env } = ports.settings;
  const page =
    (answer: Answer): Answer =>
    asked =>
      answer(asked).catch(error => failed(error, env, ports));
  return [
    { path: '/', answers: { GET: page(async () => goTo('/approvals')) } },
    { path: '/approvals', answers: { GET: page(asked => listed(of, asked)) } },
    {
      path: '/approvals/{id}',
      answers: { GET: page(asked => shown(of, asked)), POST: page(asked => decided(of, asked)) },
    },
    {
      path: '/login',
      answers: { GET: page(asked => loginForm(of, asked)), POST: page(asked => loggedIn(of, asked)) },
    },
    { path: '/logout', answers: { POST: page(asked => loggedOut(of, asked)) } },
    ...(oidc
      ? [
          { path: '/login/oidc', answers: { GET: page(asked => oidc.begin(asked)) } },
          { path: '/login/oidc/callback', answers: { GET: page(asked => oidc.end(asked)) } },
        ]
      : []),
  ];
}

/** What went wrong, as a page. Our own bugs stand in the log alone. */
function failed(error: unknown, env: string, { world }: Ports): Reply {
  const { problem, bug } = problemOf(error);
  if (bug) world.log.error({ error: error instanceof Error ? error.message : String(error) }, 'page failed');
  const [status, title] = PROBLEMS[problem.code];
  const link = { href: '/approvals', text: 'All approvals' };
  return pageReply(status, wordPage({ env, title, text: problem.message, link }));
}

/** Who looks; undefined when they have to log in first. */
async function lookerOf({ ports, identify, traffic }: PagesOf, asked: Asked): Promise<Looker | undefined> {
  const found = await sessionOf(ports, cookieOf(asked, 'session'));
  const visitor = visitorOf(asked, found?.session);
  if (found) {
    await traffic.principal(found.session.principal, asked);
    return { ...found, visitor, ports: { ...ports, ...found.speaker } };
  }
  // A token in a header is for programs, and pages are not for them.
  if (ports.settings.trust !== 'local-user' || asked.headers.authorization !== undefined) {
    await traffic.unknown(asked);
    return undefined;
  }
  const speaker = await identify(asked, 'http').catch(error => {
    if (error instanceof Problem && error.code === 'unauthenticated') return undefined;
    throw error;
  });
  return speaker && { speaker, visitor, ports: { ...ports, ...speaker } };
}

async function frameOf({ ports, speaker, session, visitor }: Looker): Promise<Frame> {
  const { name, authenticated } = speaker.principal;
  const logout = session ? { logout: await markForm(ports, visitor, LOGOUT) } : {};
  return { env: ports.settings.env, who: { name, authenticated, ...logout } };
}

function toLogin(asked: Asked): Reply {
  return goTo(`/login?next=${encodeURIComponent(ownPath(asked.path))}`);
}

async function listed(of: PagesOf, asked: Asked): Promise<Reply> {
  const looker = await lookerOf(of, asked);
  if (!looker) return toLogin(asked);
  const cursor = asked.query.get('cursor');
  const found = (await perform(approvals, looker.ports, cursor === null ? {} : { cursor })) as unknown as {
    readonly approvals: readonly ShownWaiting[];
    readonly next?: string;
  };
  const frame = await frameOf(looker);
  const next = found.next === undefined ? {} : { next: found.next };
  const now = of.ports.world.clock();
  return pageReply(
    200,
    approvalsPage({ ...frame, ...next, waiting: found.approvals, now }),
    looker.visitor.cookies,
  );
}

async function shown(of: PagesOf, asked: Asked): Promise<Reply> {
  const looker = await lookerOf(of, asked);
  return looker ? approvalReply(looker, asked, 200) : toLogin(asked);
}

/** The page of the approval that the path names, with what came of a form. */
async function approvalReply(looker: Looker, asked: Asked, status: number, notice?: string): Promise<Reply> {
  const { ports, visitor } = looker;
  const found = await viewOf(looker, asked);
  const { approval: id, planHash: plan, you } = found;
  const form = you.may && {
    csrf: await markForm(ports, visitor, about(id, plan)),
    proof: proofOf(looker, asked),
  };
  const page = approvalPage({
    ...(await frameOf(looker)),
    shown: found,
    ...(form ? { form } : {}),
    ...(notice === undefined ? {} : { notice }),
  });
  return pageReply(status, page, visitor.cookies);
}

async function viewOf({ ports }: Looker, asked: Asked): Promise<ShownApproval> {
  return (await perform(approval, ports, { approval: asked.parts.id })) as unknown as ShownApproval;
}

/** What a form of a decision is bound to, beside the browser. */
function about(id: string, plan: string) {
  return { what: 'decision', approval: id, plan };
}

/** What a decision needs beside the session, which may be of an hour ago. */
function proofOf({ ports, session }: Looker, asked: Asked): Proof {
  if (!session || isFresh(ports, session)) return 'none';
  return session.token === undefined
    ? { login: `/login/oidc?again=1&next=${encodeURIComponent(asked.path)}` }
    : 'token';
}

async function decided(of: PagesOf, asked: Asked): Promise<Reply> {
  const looker = await lookerOf(of, asked);
  if (!looker) return toLogin(asked);
  // What the form was about is checked by its mark: a plan that it was not made for has another one.
  const given = await asked.form();
  const plan = given.get('plan') ?? '';
  const id = asked.parts.id ?? '';
  const form = await requireForm(of.ports, asked, looker.visitor, about(id, plan));
  const unproved = await prove(looker, asked, form.get('token') ?? '');
  if (unproved !== undefined) return approvalReply(looker, asked, 403, unproved);
  const command = DECISIONS.get(form.get('decision') ?? '');
  if (!command) throw new Problem('input', 'The form holds no decision; expected approve or deny.');
  const comment = (form.get('comment') ?? '').trim();
  try {
    await perform(command, looker.ports, {
      ...{ approval: id, planHash: plan },
      ...(comment === '' ? {} : { comment }),
    });
  } catch (error) {
    if (!(error instanceof Refusal) || error.reason === 'absent') throw error;
    return approvalReply(looker, asked, PROBLEMS[error.reason][0], error.message);
  }
  return goTo(`/approvals/${encodeURIComponent(id)}`, looker.visitor.cookies);
}

/** Why whoever decides has not proved of late who they are; undefined when they have, or prove it with the form. */
async function prove(looker: Looker, asked: Asked, token: string): Promise<string | undefined> {
  const { ports, session, speaker } = looker;
  if (!session || proofOf(looker, asked) === 'none') return undefined;
  if (session.token === undefined) return 'Your login is a while ago: log in again to decide.';
  const { settings, world } = ports;
  const found = await tokenSpeaker(token.trim(), 'http', {
    settings,
    store: world.store,
    now: world.clock(),
  });
  if ('problem' in found) return `Not decided: ${found.problem}.`;
  if (found.principal.name !== speaker.principal.name) return 'Not decided: this token is somebody else’s.';
  await provedAgain(ports, session);
  return undefined;
}

async function loginForm(of: PagesOf, asked: Asked, status = 200, notice?: string): Promise<Reply> {
  const { ports, oidc, traffic } = of;
  await traffic.unknown(asked);
  const visitor = visitorOf(asked, undefined);
  const next = ownPath(asked.query.get('next'));
  const page = loginPage({
    ...{ env: ports.settings.env, next, csrf: await markForm(ports, visitor, LOGIN) },
    ...(oidc ? { provider: `/login/oidc?next=${encodeURIComponent(next)}` } : {}),
    ...(notice === undefined ? {} : { notice }),
  });
  return pageReply(status, page, visitor.cookies);
}

async function loggedIn(of: PagesOf, asked: Asked): Promise<Reply> {
  const { ports, traffic } = of;
  const { settings, world } = ports;
  await traffic.unknown(asked);
  const form = await requireForm(ports, asked, visitorOf(asked, undefined), LOGIN);
  const text = (form.get('token') ?? '').trim();
  const found = await tokenSpeaker(text, 'http', { settings, store: world.store, now: world.clock() });
  if ('problem' in found) return loginForm(of, asked, 403, `Not logged in: ${found.problem}.`);
  const { name, kind, token } = found.principal;
  if (kind !== undefined || token === undefined)
    return loginForm(
      of,
      asked,
      403,
      `Not logged in: ${name} is ${kind ?? 'nobody'}; only people log in here.`,
    );
  const secret = await beginSession(ports, { principal: name, token });
  return goTo(ownPath(form.get('next')), [
    setCookie(asked, 'session', secret),
    setCookie(asked, 'visit', ''),
  ]);
}

async function loggedOut({ ports }: PagesOf, asked: Asked): Promise<Reply> {
  const found = await sessionOf(ports, cookieOf(asked, 'session'));
  if (found) {
    await requireForm(ports, asked, visitorOf(asked, found.session), LOGOUT);
    await endSession(ports, found.session);
  }
  return goTo('/login', [setCookie(asked, 'session', '')]);
}
