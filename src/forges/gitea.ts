/** Gitea and Forgejo, whose API is one: the few calls that Flyball makes, as no client of it is kept. */
import { COMMENTS_MAX, type Forge, type ForgeSettings, type PullRequest } from './forge.ts';
import { forgeFetch } from './forge-fetch.ts';

interface ApiUser {
  readonly login: string;
}

interface ApiPull {
  readonly number: number;
  readonly html_url: string;
  readonly state: 'open' | 'closed';
  readonly merged: boolean;
  readonly user: ApiUser | null;
  readonly closed_at: string | null;
  /** `ref` becomes refs/pull/N/head when the branch is gone; `label` stays its name. */
  readonly head: { readonly ref: string; readonly label: string; readonly sha: string };
}

interface ApiComment {
  readonly id: number;
  readonly body: string;
}

interface ApiEvent {
  readonly type: string;
  readonly user: ApiUser | null;
  readonly created_at: string;
}

const PAGE = 50;
/** Pull requests that are looked through for one branch, newest first. */
const PULLS_MAX = 500;

/** Pull requests of one repository. */
export function gitea({ api, project, token, branch: base }: ForgeSettings): Forge {
  const ask = forgeFetch(api);
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await ask(`${api}/repos/${project}${path}`, {
      method,
      headers: {
        authorization: `token ${token()}`,
        accept: 'application/json',
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw Object.assign(new Error(messageOf(text)), { status: answer.status });
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  /** The first of a paged list that fits. */
  const first = async <T>(path: string, most: number, fits: (one: T) => boolean): Promise<T | undefined> => {
    for (let page = 1; page <= most / PAGE; page++) {
      const found = await call<readonly T[]>(
        'GET',
        `${path}${path.includes('?') ? '&' : '?'}limit=${PAGE}&page=${page}`,
      );
      const one = found.find(fits);
      if (one || found.length < PAGE) return one;
    }
    return undefined;
  };
  return {
    kind: 'gitea',
    find: async branch => {
      const found = await first<ApiPull>('/pulls?state=all&sort=recentupdate', PULLS_MAX, ({ head }) =>
        [head.ref, head.label].includes(branch),
      );
      if (!found) return undefined;
      const pull = pullOf(found);
      if (pull.state !== 'closed') return pull;
      const events = await call<readonly ApiEvent[]>('GET', `/issues/${found.number}/timeline?limit=${PAGE}`);
      const closedBy = events.findLast(one => one.type === 'close')?.user?.login;
      return { ...pull, ...(closedBy === undefined ? {} : { closedBy }) };
    },
    open: async ({ branch, title, body }) =>
      pullOf(await call<ApiPull>('POST', '/pulls', { head: branch, base, title, body })),
    update: async (number, to) => call('PATCH', `/pulls/${number}`, to),
    merge: async (number, { sha, title }) =>
      call('POST', `/pulls/${number}/merge`, { Do: 'merge', MergeTitleField: title, head_commit_id: sha }),
    close: async number => call('PATCH', `/pulls/${number}`, { state: 'closed' }),
    comment: async (number, marker, body) => {
      const text = { body: `${marker}\n${body}` };
      const own = await first<ApiComment>(`/issues/${number}/comments`, COMMENTS_MAX, one =>
        one.body.startsWith(marker),
      );
      if (own) await call('PATCH', `/issues/comments/${own.id}`, text);
      else await call('POST', `/issues/${number}/comments`, text);
    },
    status: async (sha, { state, context, description }) =>
      call('POST', `/statuses/${sha}`, { state, context, description: description.slice(0, 255) }),
  };
}

function pullOf({ number, html_url, state, merged, user, closed_at, head }: ApiPull): PullRequest {
  return {
    ...{ number, url: html_url, sha: head.sha },
    state: merged ? 'merged' : state,
    ...(user ? { by: user.login } : {}),
    ...(closed_at ? { closedAt: Date.parse(closed_at) } : {}),
  };
}

function messageOf(text: string): string {
  try {
    return String((JSON.parse(text) as { readonly message?: string }).message ?? '');
  } catch {
    return text.slice(0, 200);
  }
}
