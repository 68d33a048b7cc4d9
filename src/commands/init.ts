/** `init`: a working policy repository in an empty folder, with comments; over a Prometheus when one is named. */
import { z } from 'zod';
import { command } from './command.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { prometheusStarter } from './prometheus-starter.ts';
import { starter } from './starter.ts';

export const init = command({
  name: 'init',
  title: 'Begin a policy repository',
  description:
    'Writes commented policy files into an empty folder, makes it a git repository with a first commit, and puts daemon.yaml with the state beside it in .flyball (which git ignores). With --prometheus it looks at what that server has and writes policies that give data right now, in observe mode, with their tests.',
  input: z.strictObject({
    folder: z.string().min(1).max(500).default('.').describe('An empty or new folder.'),
    prometheus: z
      .string()
      .max(500)
      .optional()
      .describe(
        'Base address of a Prometheus that answers without credentials, such as http://localhost:9090.',
      ),
  }),
  output: z.object({
    folder: z.string(),
    home: z.string(),
    sha: z.string(),
    files: z.array(z.string()),
    found: z.array(z.string()).describe('With --prometheus: what each policy watches.'),
  }),
  positional: ['folder'],
  role: 'admin',
  effect: 'operate',
  reach: 'fleet',
  needs: 'nothing',
  terminal: true,
  examples: [
    'flyball init',
    'flyball init policies',
    'flyball init policies --prometheus http://localhost:9090',
  ],
  run: async (ports, input) => {
    if (!ports.init) throw new Refusal('init: only a terminal may begin a repository.');
    const begun =
      input.prometheus === undefined
        ? { files: starter, found: [], folders: ['data'] }
        : { ...(await over(ports, input.prometheus)), folders: [] };
    const { files, found, folders } = begun;
    const made = await ports.init(input.folder, files, folders);
    return { folder: input.folder, ...made, files: files.map(file => file.path), found: [...found] };
  },
  text: found =>
    [
      `${found.folder} is a policy repository at ${found.sha.slice(0, 7)}, with ${found.files.join(', ')}.`,
      `Its daemon.yaml and state are in ${found.home}.`,
      ...(found.found.length === 0
        ? []
        : ['', 'It watches, and does nothing yet:', ...found.found.map(line => `  ${line}`)]),
      '',
      'Next, in that folder:',
      '  flyball validate     every mistake with file, line and column',
      '  flyball test         the policies against their tests',
      '  flyball doctor       whether everything that they name is there',
      '  flyball plan         what would be done now; nothing is written',
      '  flyball reconcile    evaluate once',
      '  flyball run          keep going',
      '  flyball status       what needs you',
    ].join('\n'),
});

/** Files for the server at an address. Throws a Refusal for an address that is none, PortError for one that does not answer. */
async function over(ports: Ports, address: string) {
  if (!ports.prometheusAt) throw new Refusal('init: only a terminal may ask a server.');
  const refused = (found: string, todo: string) => new Refusal(`--prometheus: ${found}; ${todo}.`);
  if (!/^https?:\/\/[^/]/.test(address) || !URL.canParse(address))
    throw refused('that is no address', 'expected one such as http://localhost:9090, with http or https');
  const { origin, pathname, username, password, search, hash } = new URL(address);
  if (username !== '' || password !== '')
    throw refused(
      'the address holds credentials',
      'expected it without; connections.yaml shows where secrets stand',
    );
  if (search !== '' || hash !== '') throw refused('the address has ? or #', 'expected it without');
  const url = `${origin}${pathname.replace(/\/+$/, '')}`;
  return prometheusStarter(url, ports.prometheusAt(url));
}
