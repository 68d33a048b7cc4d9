/** The clients whose configuration Flyball can write: where their files are, and how each names a server. Pure. */
import { posix, win32 } from 'node:path';

export const CLIENTS = [
  'claude-code',
  'claude-desktop',
  'cursor',
  'vscode',
  'codex',
  'gemini',
  'windsurf',
  'opencode',
  'continue',
] as const;
export type Client = (typeof CLIENTS)[number];
/** `user`: all projects of this user. `project`: whoever works in this folder. */
export type Scope = 'user' | 'project';

/** Where things are on a machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly folder: string;
  /** %APPDATA% of Windows. */
  readonly appData?: string | undefined;
  /** $XDG_CONFIG_HOME; ~/.config unless said. */
  readonly configHome?: string | undefined;
  /** $CODEX_HOME; ~/.codex unless said. */
  readonly codexHome?: string | undefined;
}

/** What starts the server. Nothing in it is a secret: tokens stay in the environment. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
}

export type Format = 'jsonc' | 'toml' | 'yaml';

export interface ClientFile {
  /** Of several, the first one that is there, else the first. */
  readonly paths: readonly string[];
  readonly format: Format;
  /** Where the server stands in the file; `form` says how. */
  readonly place: readonly string[];
  readonly form: Readonly<Record<string, unknown>>;
  /** A list of servers, each with its name, in place of a map. */
  readonly list?: true;
  /** What a file that did not exist begins with. */
  readonly begin?: Readonly<Record<string, unknown>>;
}

const NAME = 'flyball';

/** The file of a client at a scope; undefined where the client has none. */
export function clientFile(
  client: Client,
  scope: Scope,
  machine: Machine,
  launch: Launch,
): ClientFile | undefined {
  const { join } = machine.platform === 'win32' ? win32 : posix;
  const { home, folder } = machine;
  const user = scope === 'user';
  const stdio = { type: 'stdio', command: launch.command, args: [...launch.args] };
  const plain = { command: launch.command, args: [...launch.args] };
  const servers = (paths: readonly string[], form: ClientFile['form'] = plain): ClientFile => ({
    ...{ paths, format: 'jsonc', place: ['mcpServers', NAME], form },
  });
  switch (client) {
    case 'claude-code':
      return servers([user ? join(home, '.claude.json') : join(folder, '.mcp.json')], stdio);
    case 'claude-desktop':
      return user
        ? servers([join(applications(machine), 'Claude', 'claude_desktop_config.json')])
        : undefined;
    case 'cursor':
      return servers([join(user ? home : folder, '.cursor', 'mcp.json')]);
    case 'gemini':
      return servers([join(user ? home : folder, '.gemini', 'settings.json')]);
    case 'windsurf':
      return user ? servers([join(home, '.codeium', 'windsurf', 'mcp_config.json')]) : undefined;
    case 'vscode': {
      const path = user
        ? join(applications(machine), 'Code', 'User', 'mcp.json')
        : join(folder, '.vscode', 'mcp.json');
      return { ...servers([path], stdio), place: ['servers', NAME] };
    }
    case 'codex': {
      const path = user
        ? join(machine.codexHome ?? join(home, '.codex'), 'config.toml')
        : join(folder, '.codex', 'config.toml');
      return { paths: [path], format: 'toml', place: ['mcp_servers', NAME], form: plain };
    }
    case 'opencode': {
      const at = user ? join(machine.configHome ?? join(home, '.config'), 'opencode') : folder;
      const form = { type: 'local', command: [launch.command, ...launch.args] };
      const paths = ['opencode.jsonc', 'opencode.json'].map(name => join(at, name));
      const begin = { $schema: 'https://opencode.ai/config.json' };
      return { paths, format: 'jsonc', place: ['mcp', 'servers', NAME], form, begin };
    }
    case 'continue': {
      const begin = { name: user ? 'Local' : 'Flyball', version: '1.0.0', schema: 'v1' };
      const path = user
        ? join(home, '.continue', 'config.yaml')
        : join(folder, '.continue', 'mcpServers', 'flyball.yaml');
      const form = { name: NAME, ...stdio };
      return { paths: [path], format: 'yaml', place: ['mcpServers'], form, list: true, begin };
    }
  }
}

/** Where applications of the desktop keep what they are told. */
function applications({ platform, home, appData, configHome }: Machine): string {
  if (platform === 'win32') return appData ?? win32.join(home, 'AppData', 'Roaming');
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support');
  return configHome ?? posix.join(home, '.config');
}
