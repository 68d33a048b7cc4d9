/** Which client serves a forge, loaded when it is first asked, and its errors in our words. */
import { PortError } from '../model.ts';
import type { Forge, ForgeSettings } from './forge.ts';

/** The forge of these settings; its client is loaded at the first call. */
export function forgeOf(settings: ForgeSettings): Forge {
  let loaded: Promise<Forge> | undefined;
  const forge = () => {
    loaded ??= load(settings);
    return loaded;
  };
  const asked = async <T>(what: string, work: (forge: Forge) => Promise<T>): Promise<T> => {
    try {
      return await work(await forge());
    } catch (error) {
      throw forgeError(settings, what, error);
    }
  };
  return {
    kind: settings.kind,
    find: branch => asked(`pull request of ${branch}`, one => one.find(branch)),
    open: of => asked(`new pull request of ${of.branch}`, one => one.open(of)),
    update: (number, to) => asked(`pull request ${number}`, one => one.update(number, to)),
    merge: (number, of) => asked(`merge of pull request ${number}`, one => one.merge(number, of)),
    close: number => asked(`close of pull request ${number}`, one => one.close(number)),
    comment: (number, marker, body) =>
      asked(`comment on pull request ${number}`, one => one.comment(number, marker, body)),
    status: (sha, of) => asked(`status of ${sha.slice(0, 7)}`, one => one.status(sha, of)),
  };
}

async function load(settings: ForgeSettings): Promise<Forge> {
  switch (settings.kind) {
    case 'github':
      return (await import('./github.ts')).github(settings);
    case 'gitlab':
      return (await import('./gitlab.ts')).gitlab(settings);
    case 'gitea':
      return (await import('./gitea.ts')).gitea(settings);
  }
}

/** What a client threw, in our words and without what it was asked with. */
function forgeError({ kind, api, token }: ForgeSettings, what: string, error: unknown): PortError {
  if (error instanceof PortError) return error;
  const { status, message } = error as { readonly status?: number; readonly message?: string };
  const said = (message ?? String(error))
    .replaceAll(token(), '***')
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .slice(0, 300);
  const next = ADVICE[status ?? 0] ?? 'look there, and try again';
  return new PortError(
    `${kind} at ${new URL(api).host}: ${what}: ${status === undefined ? '' : `it answers ${status}: `}${said}; ${next}.`,
    { code: 'forge', retry: status === undefined || status >= 500 ? 'later' : 'never', subject: kind },
  );
}

const ADVICE: Readonly<Record<number, string>> = {
  401: 'the token is over or is not one of its',
  403: 'the token may not do this, or asked too often',
  404: 'it knows no such project or pull request, or the token may not see it',
  405: 'it cannot be merged there now: checks or reviews may be missing',
  409: 'it moved meanwhile, or conflicts; look at it again',
};
