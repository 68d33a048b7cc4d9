/** What `flyball ci` needs beside the files: a commit of the repository around them, and the forge of a pull request. */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Ports } from './commands/index.ts';
import { forgeOf } from './forges/forge-of.ts';
import { openRepository } from './git/repository.ts';
import { resolveCommit } from './git/resolve.ts';
import { PortError } from './model.ts';

const PUBLIC = { github: 'https://api.github.com', gitlab: 'https://gitlab.com', gitea: undefined } as const;

/** Of the person's own terminal: the token is that of the environment variable they name. */
export function ciPort(environment: (name: string) => string | undefined): NonNullable<Ports['ci']> {
  return {
    filesAt: async (folder, revision) => {
      const dir = resolve(folder);
      const top = topOf(dir);
      const repository = await openRepository({ dir: top, branch: 'main' });
      const { sha } = await resolveCommit(repository, revision);
      const below = relative(top, dir).split(sep).join('/');
      const prefix = below === '' ? '' : `${below}/`;
      const files = (await repository.files(sha))
        .filter(file => file.path.startsWith(prefix))
        .map(file => ({ ...file, path: file.path.slice(prefix.length) }));
      return { sha, files };
    },
    forge: ({ kind, project, tokenEnv, api = PUBLIC[kind] }) => {
      const token = environment(tokenEnv);
      if (token === undefined || token === '')
        throw refused(`the environment variable ${tokenEnv} is not set; give the job its token there`);
      if (api === undefined || !URL.canParse(api))
        throw refused(`expected --api with the address of the ${kind} API`);
      return forgeOf({ kind, api: api.replace(/\/+$/, ''), project, token: () => token, branch: '' });
    },
  };
}

function refused(problem: string): PortError {
  return new PortError(`ci: ${problem}.`, { code: 'ci', retry: 'never', subject: 'ci' });
}

/** The top of the repository around a folder. */
function topOf(dir: string): string {
  for (let at = dir; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at)
      throw refused(
        `${dir} is in no git repository; expected a checkout with its history (fetch-depth: 0), for --base`,
      );
  }
}
