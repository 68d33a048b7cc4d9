/** A home in which people with tokens decide at the pages of a running daemon, and a browser of a few lines that keeps cookies. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { furnish, modelWith, POLICIES, SETTINGS, setLevels } from './churn.ts';
import { type Daemon, ENV, type Home, makeHome, ranToEnd } from './home.ts';
import { entriesOf } from './ledger.ts';
import { until } from './until.ts';

const PEOPLE = ['ana', 'ben', 'cleo', 'dora'];
const people = PEOPLE.map(name => `    ${name}: { emails: [${name}@acme.example] }`).join('\n');
const settings = SETTINGS.replace(/people: \{.*\}/, `people:\n${people}`).replace(
  'groups: { on-call: [ana] }',
  'groups: { on-call: [ana, ben, cleo] }',
);

export const DAEMON_YAML = `state: state
repository: policies
branch: main
env: test
trust: tokens
listen: 127.0.0.1:0
principals:
  ana: { roles: [approver] }
  ben: { roles: [admin] }
  cleo: { roles: [approver] }
  dora: { roles: [viewer] }
  eve: { kind: agent, for: ben, roles: [operator] }
  ci: { kind: service, roles: [approver] }
`;

export interface ApprovalWorld {
  readonly home: Home;
  readonly daemon: Daemon;
  readonly url: string;
  readonly approval: string;
  readonly planHash: string;
  /** By principal. */
  readonly tokens: Readonly<Record<string, string>>;
  tokenFor(name: string, ...more: readonly string[]): Promise<string>;
  /** A command of whoever shows a token. */
  as(token: string, ...args: readonly string[]): ReturnType<Home['flyball']>;
}

export const retrainAsks = (more = '') =>
  modelWith(
    `retrain: { approval: { from: [on-call], quorum: 1, expires: 1h, reask: 1h${more} }, timeout: 10m }`,
  ).replace('output: { version: version }', 'output: { version: version }\n      cost: { eur: 40 }');

/** A daemon that has asked. `model`: what asks. */
export async function asking(
  model = retrainAsks(),
  yaml = DAEMON_YAML,
  variables: Readonly<Record<string, string>> = {},
): Promise<ApprovalWorld> {
  const home = await makeHome({ ...POLICIES, 'flyball.yaml': settings, 'model.yaml': model }, yaml);
  await furnish(home);
  const as = (token: string, ...args: readonly string[]) =>
    ranToEnd(args, { cwd: home.dir, env: { ...home.env, ...ENV, FLYBALL_TOKEN: token } });
  const { token: first } = await home.json<{ token: string }>('token', 'create', 'ben');
  const tokenFor = async (name: string, ...more: readonly string[]) => {
    const { stdout, stderr } = await as(first, 'token', 'create', name, ...more, '--json');
    if (stdout === '') throw new Error(stderr);
    return (JSON.parse(stdout) as { token: string }).token;
  };
  const tokens: Record<string, string> = { ben: first };
  for (const name of ['ana', 'cleo', 'dora', 'eve', 'ci']) tokens[name] = await tokenFor(name);
  await home.flyball('reconcile');
  await setLevels(home, { north: 50 });
  const daemon = await home.daemonWith(variables);
  const asked = await until('it asks', () => entriesOf(home.state, 'ask')[0]);
  const url = await until('the door is open', () => /"url":"(http:[^"]+)"/.exec(daemon.log())?.[1]);
  const { approval, planHash } = asked.body;
  return { home, daemon, url, approval, planHash, tokens, tokenFor, as };
}

export interface Page {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** A browser without scripts: it keeps cookies, follows no redirect by itself, and says where its forms come from. */
export function browser(url: string) {
  const jar = new Map<string, string>();
  const ask = async (path: string, init: RequestInit = {}): Promise<Page> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await fetch(`${url}${path}`, {
      ...init,
      redirect: 'manual',
      headers: { ...(cookie === '' ? {} : { cookie }), ...init.headers },
    });
    for (const line of reply.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return { status: reply.status, text: await reply.text(), headers: reply.headers };
  };
  const send = (path: string, fields: Readonly<Record<string, string>>, origin: string | undefined = url) =>
    ask(path, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: origin === undefined ? {} : { origin },
    });
  return {
    jar,
    get: (path: string) => ask(path),
    send,
    /** Logs in by a token, as the form does. */
    login: async (token: string, next = '/approvals') => {
      const { csrf = '' } = fieldsOf((await ask(`/login?next=${encodeURIComponent(next)}`)).text);
      return send('/login', { csrf, next, token });
    },
  };
}

/** Hidden fields of the form of a page that decides or logs in. */
export function fieldsOf(page: string): Readonly<Record<string, string>> {
  const form = page.slice(Math.max(0, page.indexOf('<main>')));
  return Object.fromEntries(
    [...form.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
}

/** Changes every session as the state keeps it, beside a running daemon: what time would do. */
export function ageSessions(
  { home }: Pick<ApprovalWorld, 'home'>,
  field: 'seenAt' | 'provedAt' | 'until',
): void {
  const db = new DatabaseSync(join(home.state, 'flyball.db'), { timeout: 5000 });
  const sql = `UPDATE facts SET value = json_set(value, '$.${field}', 1) WHERE key LIKE 'session:%' AND value IS NOT NULL`;
  const { changes } = db.prepare(sql).run();
  db.close();
  if (changes === 0) throw new Error('there is no session');
}
