/** GitLab, through gitbeaker. Merge requests are called pull requests here, as everywhere in Flyball. */
import { Gitlab } from '@gitbeaker/rest';
import { COMMENTS_MAX, type Forge, type ForgeSettings, type PullRequest } from './forge.ts';
import { forgeFetch } from './forge-fetch.ts';

/** Merge requests of one project. */
export function gitlab({ api, project, token, branch: base }: ForgeSettings): Forge {
  const client = new Gitlab({ host: api, token: token(), requesterFn: requester(api) });
  const { MergeRequests: merges, MergeRequestNotes: notes, Commits: commits } = client;
  return {
    kind: 'gitlab',
    find: async branch => {
      const [found] = await merges.all({
        ...{ projectId: project, sourceBranch: branch, orderBy: 'created_at', sort: 'desc' },
        ...{ perPage: 1, maxPages: 1 },
      });
      return found && pullOf(found);
    },
    open: async ({ branch, title, body }) =>
      pullOf(await merges.create(project, branch, base, title, { description: body })),
    update: async (number, { title, body }) => {
      await merges.edit(project, number, { title, description: body });
    },
    merge: async (number, { sha, title }) => {
      await merges.merge(project, number, { sha, mergeCommitMessage: title, squash: false });
    },
    close: async number => {
      await merges.edit(project, number, { stateEvent: 'close' });
    },
    comment: async (number, marker, body) => {
      const text = `${marker}\n${body}`;
      const all = await notes.all(project, number, { perPage: 100, maxPages: COMMENTS_MAX / 100 });
      const own = all.find(one => one.body.startsWith(marker));
      if (own) await notes.edit(project, number, own.id, { body: text });
      else await notes.create(project, number, text);
    },
    status: async (sha, { state, context, description }) => {
      await commits.editStatus(project, sha, state === 'success' ? 'success' : 'failed', {
        ...{ name: context, description: description.slice(0, 255) },
      });
    },
  };
}

const STATES: Readonly<Record<string, PullRequest['state']>> = {
  opened: 'open',
  locked: 'open',
  merged: 'merged',
};

function pullOf(of: Readonly<Record<string, unknown>>): PullRequest {
  const login = (who: unknown) => (who as { readonly username?: string } | null | undefined)?.username;
  const [by, closedBy] = [login(of.author), login(of.closed_by)];
  return {
    number: Number(of.iid),
    url: String(of.web_url),
    state: STATES[String(of.state)] ?? 'closed',
    sha: String(of.sha),
    ...(by === undefined ? {} : { by }),
    ...(closedBy === undefined ? {} : { closedBy }),
    ...(typeof of.closed_at === 'string' ? { closedAt: Date.parse(of.closed_at) } : {}),
  };
}

type RequesterFn = NonNullable<NonNullable<ConstructorParameters<typeof Gitlab>[0]>['requesterFn']>;
type Requester = ReturnType<RequesterFn>;
type Asked = NonNullable<Parameters<Requester['get']>[1]>;

/** gitbeaker's own would follow a redirect with the token. Keys go in snake case, as the API has them. */
function requester(api: string): RequesterFn {
  const ask = forgeFetch(api);
  return resource => {
    const call =
      (method: string) =>
      async (endpoint: string, { body, searchParams }: Asked = {}) => {
        const secrets = await Promise.all(
          Object.entries(resource.authHeaders).map(async ([name, value]) => [name, await value()] as const),
        );
        const url = new URL(endpoint, `${resource.url.replace(/\/+$/, '')}/`);
        for (const [name, value] of Object.entries(snaked(searchParams)))
          url.searchParams.set(name, String(value));
        const answer = await ask(url, {
          method,
          headers: {
            ...resource.headers,
            ...Object.fromEntries(secrets),
            'content-type': 'application/json',
          },
          ...(body === undefined ? {} : { body: JSON.stringify(snaked(body as Record<string, unknown>)) }),
        });
        const text = await answer.text();
        if (!answer.ok) throw Object.assign(new Error(text.slice(0, 500)), { status: answer.status });
        const headers = Object.fromEntries(answer.headers);
        return { body: text === '' ? null : JSON.parse(text), headers, status: answer.status };
      };
    return {
      ...{ get: call('GET'), post: call('POST'), put: call('PUT') },
      ...{ patch: call('PATCH'), delete: call('DELETE') },
    } as Requester;
  };
}

function snaked(of: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const entries = Object.entries(of).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`), value]),
  );
}
