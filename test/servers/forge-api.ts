/**
 * The APIs of GitHub, GitLab and Gitea as far as Flyball asks them, over a bare repository that the real git merges in. Written
 * down from what they publish, and not the real servers: answers have the types of the maintained clients, and a request with a
 * key that the published API does not have is refused.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ExpandedMergeRequestSchema } from '@gitbeaker/rest';
import type { RestEndpointMethodTypes } from '@octokit/rest';

export type ForgeKind = 'github' | 'gitlab' | 'gitea';

interface Pull {
  readonly number: number;
  readonly branch: string;
  title: string;
  body: string;
  state: 'open' | 'closed' | 'merged';
  /** Of the branch, when it was last there. */
  sha: string;
  closedBy?: string;
}

export interface ForgeServer {
  readonly api: string;
  readonly pulls: Pull[];
  readonly comments: { readonly id: number; readonly pull: number; body: string }[];
  readonly statuses: { readonly sha: string; readonly state: string; readonly context: string }[];
  /** What a person does on the forge's page. */
  closeAs(number: number, login: string): void;
  stop(): Promise<void>;
}

const CLOSED_AT = '2026-11-30T12:00:00Z';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One forge of this kind for one bare repository, whose API wants the token. */
export async function forgeServer(kind: ForgeKind, repository: string, token: string): Promise<ForgeServer> {
  const pulls: Pull[] = [];
  const comments: ForgeServer['comments'] = [];
  const statuses: ForgeServer['statuses'] = [];
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=forge', '-c', 'user.email=forge@forge.invalid', ...args], {
      cwd: repository,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  const refresh = () => {
    for (const pull of pulls)
      if (pull.state === 'open') pull.sha = git('rev-parse', `refs/heads/${pull.branch}`);
  };
  const merge = (pull: Pull, sha: unknown): number => {
    if (sha !== pull.sha) return 409;
    const tree = git('merge-tree', '--write-tree', 'main', pull.sha).split('\n')[0] ?? '';
    const commit = git(
      'commit-tree',
      tree,
      '-p',
      git('rev-parse', 'main'),
      '-p',
      pull.sha,
      '-m',
      `merge ${pull.number}`,
    );
    git('update-ref', 'refs/heads/main', commit);
    pull.state = 'merged';
    return 200;
  };
  const world: World = { pulls, comments, statuses, merge };
  const server = createServer(async (request, response) => {
    refresh();
    const asked = await askedOf(request);
    const [status, answer] = isAllowed(request, token)
      ? ROUTES[kind](asked, world)
      : [401, { message: 'no' }];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    api: `${origin}${{ github: '', gitlab: '', gitea: '/api/v1' }[kind]}`,
    ...{ pulls, comments, statuses },
    closeAs: (number, login) => {
      const pull = pulls.find(one => one.number === number);
      if (pull) Object.assign(pull, { state: 'closed', closedBy: login });
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface World extends Pick<ForgeServer, 'pulls' | 'comments' | 'statuses'> {
  readonly merge: (pull: Pull, sha: unknown) => number;
}

type Answer = readonly [status: number, body: unknown];

async function askedOf(request: IncomingMessage): Promise<Asked> {
  const url = new URL(request.url ?? '', 'http://localhost');
  const body = await text(request);
  return {
    method: request.method ?? '',
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    body: body === '' ? {} : JSON.parse(body),
  };
}

function isAllowed({ headers }: IncomingMessage, token: string): boolean {
  return (
    [`token ${token}`, `Bearer ${token}`].includes(headers.authorization ?? '') ||
    headers['private-token'] === token
  );
}

/** Keys that the published API has for a request; another one is a mistake of ours. */
function strange({ body }: Asked, keys: readonly string[]): string | undefined {
  return Object.keys(body).find(key => !keys.includes(key));
}

const checked = (asked: Asked, keys: readonly string[], answer: () => Answer): Answer => {
  const key = strange(asked, keys);
  return key === undefined ? answer() : [422, { message: `unknown key ${key}` }];
};

function opened({ pulls }: World, branch: unknown, title: unknown, body: unknown): Pull {
  const pull: Pull = {
    number: pulls.length + 1,
    branch: String(branch),
    title: String(title),
    body: String(body),
    state: 'open',
    sha: '',
  };
  pulls.push(pull);
  return pull;
}

function edited(pull: Pull, body: Readonly<Record<string, unknown>>, textKey: string): void {
  if (body.title !== undefined) pull.title = String(body.title);
  if (body[textKey] !== undefined) pull.body = String(body[textKey]);
  if (body.state === 'closed' || body.state_event === 'close')
    Object.assign(pull, { state: 'closed', closedBy: 'bot' });
}

function commented(world: World, pull: number, body: unknown): object {
  const comment = { id: world.comments.length + 1, pull, body: String(body) };
  world.comments.push(comment);
  return comment;
}

type GithubPull = Pick<
  RestEndpointMethodTypes['pulls']['list']['response']['data'][number],
  'number' | 'html_url' | 'state' | 'merged_at'
> & {
  readonly head: { readonly sha: string };
  readonly user: { readonly login: string };
};

const asGithub = (pull: Pull): GithubPull => ({
  number: pull.number,
  html_url: `https://forge.example/${pull.number}`,
  state: pull.state === 'open' ? 'open' : 'closed',
  merged_at: pull.state === 'merged' ? CLOSED_AT : null,
  head: { sha: pull.sha },
  user: { login: 'bot' },
});

type GitlabPull = Pick<ExpandedMergeRequestSchema, 'iid' | 'web_url' | 'state' | 'sha'> & {
  readonly author: { readonly username: string };
  readonly closed_by: { readonly username: string } | null;
  readonly closed_at: string | null;
};

const asGitlab = (pull: Pull): GitlabPull => ({
  iid: pull.number,
  web_url: `https://forge.example/${pull.number}`,
  state: pull.state === 'open' ? 'opened' : pull.state,
  sha: pull.sha,
  author: { username: 'bot' },
  closed_by: pull.closedBy === undefined ? null : { username: pull.closedBy },
  closed_at: pull.state === 'closed' ? CLOSED_AT : null,
});

const asGitea = (pull: Pull) => ({
  number: pull.number,
  html_url: `https://forge.example/${pull.number}`,
  state: pull.state === 'open' ? 'open' : 'closed',
  merged: pull.state === 'merged',
  user: { login: 'bot' },
  closed_at: pull.state === 'open' ? null : CLOSED_AT,
  head: {
    ref: pull.state === 'open' ? pull.branch : `refs/pull/${pull.number}/head`,
    label: pull.branch,
    sha: pull.sha,
  },
});

const ROUTES: Readonly<Record<ForgeKind, (asked: Asked, world: World) => Answer>> = {
  github: (asked, world) => githubLike(asked, world, '/repos/acme/policies', 'github'),
  gitea: (asked, world) => githubLike(asked, world, '/api/v1/repos/acme/policies', 'gitea'),
  gitlab,
};

/** GitHub's paths, which Gitea took over; bodies differ. */
function githubLike(asked: Asked, world: World, root: string, kind: 'github' | 'gitea'): Answer {
  const { method, query, body } = asked;
  const show: (pull: Pull) => object = kind === 'github' ? asGithub : asGitea;
  const at = (pattern: string) => new RegExp(`^${root}${pattern}$`).exec(asked.path);
  const pull = world.pulls.find(
    one => one.number === Number(/\/(?:pulls|issues)\/(\d+)/.exec(asked.path)?.[1]),
  );
  if (at('/pulls') && method === 'GET') {
    const head = query.get('head')?.split(':')[1];
    const found = world.pulls.filter(one => head === undefined || one.branch === head).reverse();
    return [200, found.slice(0, Number(query.get('per_page') ?? query.get('limit'))).map(show)];
  }
  if (at('/pulls'))
    return checked(asked, ['title', 'head', 'base', 'body'], () => [
      201,
      show(opened(world, body.head, body.title, body.body)),
    ]);
  if (pull && at('/pulls/\\d+') && method === 'PATCH')
    return checked(asked, ['title', 'body', 'state', 'base'], () => {
      edited(pull, body, 'body');
      return [kind === 'github' ? 200 : 201, show(pull)];
    });
  if (pull && at('/pulls/\\d+/merge')) {
    const [keys, sha, verb] =
      kind === 'github'
        ? [['sha', 'commit_title', 'commit_message', 'merge_method'], body.sha, 'PUT']
        : [['Do', 'MergeTitleField', 'MergeMessageField', 'head_commit_id'], body.head_commit_id, 'POST'];
    if (method !== verb) return [405, {}];
    return checked(asked, keys as string[], () => [
      world.merge(pull, sha),
      { message: 'Head branch was modified' },
    ]);
  }
  if (pull && at('/issues/\\d+') && kind === 'github')
    return [200, { closed_by: { login: pull.closedBy }, closed_at: CLOSED_AT }];
  if (pull && at('/issues/\\d+/timeline') && kind === 'gitea')
    return [
      200,
      [
        { type: 'comment', user: { login: 'x' } },
        { type: 'close', user: { login: pull.closedBy }, created_at: CLOSED_AT },
      ],
    ];
  if (pull && at('/issues/\\d+/comments'))
    return method === 'GET'
      ? [200, world.comments.filter(one => one.pull === pull.number)]
      : [201, commented(world, pull.number, body.body)];
  return ending(
    asked,
    world,
    at('/issues/comments/(\\d+)')?.[1],
    at('/statuses/([0-9a-f]{40})')?.[1],
    'PATCH',
  );
}

function gitlab(asked: Asked, world: World): Answer {
  const { method, query, body } = asked;
  const root = '/api/v4/projects/acme/policies';
  const at = (pattern: string) => new RegExp(`^${root}${pattern}$`).exec(asked.path);
  const pull = world.pulls.find(
    one => one.number === Number(/\/merge_requests\/(\d+)/.exec(asked.path)?.[1]),
  );
  if (at('/merge_requests') && method === 'GET')
    return [
      200,
      world.pulls
        .filter(one => one.branch === query.get('source_branch'))
        .reverse()
        .map(asGitlab),
    ];
  if (at('/merge_requests'))
    return checked(asked, ['id', 'source_branch', 'target_branch', 'title', 'description'], () => [
      201,
      asGitlab(opened(world, body.source_branch, body.title, body.description)),
    ]);
  if (pull && at('/merge_requests/\\d+') && method === 'PUT')
    return checked(asked, ['title', 'description', 'state_event'], () => {
      edited(pull, body, 'description');
      return [200, asGitlab(pull)];
    });
  if (pull && at('/merge_requests/\\d+/merge'))
    return checked(asked, ['sha', 'merge_commit_message', 'squash'], () => [
      world.merge(pull, body.sha),
      { message: 'SHA does not match HEAD of source branch' },
    ]);
  if (pull && at('/merge_requests/\\d+/notes'))
    return method === 'GET'
      ? [200, world.comments.filter(one => one.pull === pull.number)]
      : [201, commented(world, pull.number, body.body)];
  const status = at('/statuses/([0-9a-f]{40})')?.[1];
  return ending(asked, world, at('/merge_requests/\\d+/notes/(\\d+)')?.[1], status, 'PUT');
}

function ending(
  { method, body, path }: Asked,
  world: World,
  comment: string | undefined,
  status: string | undefined,
  verb: string,
): Answer {
  const found = world.comments.find(one => one.id === Number(comment));
  if (found && method === verb) {
    found.body = String(body.body);
    return [200, found];
  }
  if (status !== undefined && method === 'POST') {
    world.statuses.push({
      sha: status,
      state: String(body.state),
      context: String(body.context ?? body.name),
    });
    return [201, {}];
  }
  return [404, { message: `no ${method} ${path}` }];
}
