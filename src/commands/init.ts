/** `init`: a working policy repository in an empty folder, with comments. */
import { z } from 'zod';
import { command } from './command.ts';
import { Refusal } from './perform.ts';
import { starter } from './starter.ts';

export const init = command({
  name: 'init',
  title: 'Begin a policy repository',
  description:
    'Writes commented policy files into an empty folder, makes it a git repository with a first commit, and puts daemon.yaml with the state beside it in .flyball (which git ignores).',
  input: z.strictObject({
    folder: z.string().min(1).max(500).default('.').describe('An empty or new folder.'),
  }),
  output: z.object({ folder: z.string(), home: z.string(), sha: z.string(), files: z.array(z.string()) }),
  positional: ['folder'],
  role: 'admin',
  effect: 'operate',
  needs: 'nothing',
  examples: ['flyball init', 'flyball init policies'],
  run: async (ports, input) => {
    if (!ports.init) throw new Refusal('init: only a terminal may begin a repository.');
    const made = await ports.init(input.folder, starter);
    return { folder: input.folder, ...made, files: starter.map(file => file.path) };
  },
  text: found =>
    [
      `${found.folder} is a policy repository at ${found.sha.slice(0, 7)}, with ${found.files.join(', ')}.`,
      `Its daemon.yaml and state are in ${found.home}.`,
      '',
      'Next, in that folder:',
      '  flyball validate     every mistake with file, line and column',
      '  flyball plan         what would be done now; nothing is written',
      '  flyball reconcile    evaluate once',
      '  flyball run          keep going',
      '  flyball status       what needs you',
    ].join('\n'),
});
