/** GitHub, also as GitHub Enterprise Server, through octokit. */
import { Octokit } from '@octokit/rest';
import { COMMENTS_MAX, type Forge, type ForgeSettings, type PullRequest } from './forge.ts';
import { forgeFetch } from './forge-fetch.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Pull requests of one repository. */
export function github({ api, project, token, branch: base }: ForgeSettings): Forge {
  const [owner = '', repo = ''] = project.split('/');
  const client = new Octokit({
    auth: token(),
    baseUrl: api,
    log: silent,
    request: { fetch: forgeFetch(api) },
  });
  const at = { owner, repo };
  const { pulls, issues, repos } = client.rest;
  return {
    kind: 'github',
    find: async branch => {
      const { data } = await pulls.list({
        ...{ ...at, head: `${owner}:${branch}`, state: 'all', per_page: 1 },
        ...{ sort: 'created', direction: 'desc' },
      });
      const [found] = data;
      if (!found) return undefined;
      const state = found.merged_at ? 'merged' : found.state === 'open' ? 'open' : 'closed';
      const pull = pullOf({ ...found, state });
      if (state !== 'closed') return pull;
      const { data: issue } = await issues.get({ ...at, issue_number: found.number });
      const closedBy = issue.closed_by?.login;
      return {
        ...pull,
        ...(closedBy === undefined ? {} : { closedBy }),
        ...(issue.closed_at ? { closedAt: Date.parse(issue.closed_at) } : {}),
      };
    },
    open: async ({ branch, title, body }) => {
      const { data } = await pulls.create({ ...at, title, body, head: branch, base });
      return pullOf({ ...data, state: 'open' });
    },
    update: async (number, to) => {
      await pulls.update({ ...at, pull_number: number, ...to });
    },
    merge: async (number, { sha, title }) => {
      await pulls.merge({ ...at, pull_number: number, sha, commit_title: title, merge_method: 'merge' });
    },
    close: async number => {
      await pulls.update({ ...at, pull_number: number, state: 'closed' });
    },
    comment: async (number, marker, body) => {
      const text = `${marker}\n${body}`;
      for (let page = 1; page <= COMMENTS_MAX / 100; page++) {
        const { data } = await issues.listComments({ ...at, issue_number: number, per_page: 100, page });
        const own = data.find(one => one.body?.startsWith(marker));
        if (own) {
          await issues.updateComment({ ...at, comment_id: own.id, body: text });
          return;
        }
        if (data.length < 100) break;
      }
      await issues.createComment({ ...at, issue_number: number, body: text });
    },
    status: async (sha, { state, context, description }) => {
      await repos.createCommitStatus({ ...at, sha, state, context, description: description.slice(0, 140) });
    },
  };
}

function pullOf(of: {
  readonly number: number;
  readonly html_url: string;
  readonly state: PullRequest['state'];
  readonly head: { readonly sha: string };
  readonly user: { readonly login: string } | null;
}): PullRequest {
  const by = of.user?.login;
  return {
    number: of.number,
    url: of.html_url,
    state: of.state,
    sha: of.head.sha,
    ...(by === undefined ? {} : { by }),
  };
}
