/** The configuration of a client of this machine: for its user by the places where things are, in a project by name. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Ports } from '../../commands/index.ts';
import type { Client } from './clients.ts';
import { install } from './install.ts';

type Wish = Parameters<NonNullable<Ports['installClient']>>[0];

/** Carries out `mcp install`. Without a daemon.yaml the client's own start finds one. */
export async function installHere(
  of: Wish,
  given: {
    readonly environment: (name: string) => string | undefined;
    settings(): Promise<{ readonly home: string }>;
  },
) {
  const home = await given.settings().then(
    settings => settings.home,
    () => undefined,
  );
  const config = home === undefined ? [] : ['--config', join(home, 'daemon.yaml')];
  const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'flyball.js');
  const launch =
    of.scope === 'project'
      ? { command: 'flyball', args: ['mcp'] }
      : { command: process.execPath, args: [program, ...config, 'mcp'] };
  const { environment } = given;
  const machine = {
    platform: process.platform,
    home: environment('HOME') ?? homedir(),
    folder: process.cwd(),
    appData: environment('APPDATA'),
    configHome: environment('XDG_CONFIG_HOME'),
    codexHome: environment('CODEX_HOME'),
  };
  return install({ ...of, client: of.client as Client, machine, launch, now: Date.now() });
}
