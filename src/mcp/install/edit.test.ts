/** Files of clients as people have them: what is ours comes and goes, and nothing else moves. */
import { describe, expect, test } from 'vitest';
import { CLIENTS, type ClientFile, clientFile, type Machine } from './clients.ts';
import { edited, Unreadable } from './edit.ts';

const machine: Machine = { platform: 'linux', home: '/home/ana', folder: '/work/models' };
const launch = { command: 'flyball', args: ['--config', '/home/ana/it’s "here"/daemon.yaml', 'mcp'] };

function fileOf(client: (typeof CLIENTS)[number]): ClientFile {
  const found = clientFile(client, 'user', machine, launch);
  if (!found) throw new Error(client);
  return found;
}

/** As people have them; `line` has to be there afterwards as it was. */
const FILES: readonly (readonly [client: (typeof CLIENTS)[number], text: string])[] = [
  ['claude-code', '{"numStartups": 41, "mcpServers": {"other": {"command": "x"}}, "z": [1,2]}'],
  ['claude-code', '{\n\t"b": 1, // why\n\t"a": {"deep": [1, 2,],},\n}\n'],
  ['cursor', '\ufeff{\r\n    "mcpServers": {\r\n        "one": { "command": "a" } // mine\r\n    }\r\n}\r\n'],
  [
    'vscode',
    '/* servers */\n{\n  "inputs": [],\n  "servers": {\n    "x": {"type": "stdio", "command": "y"},\n  },\n}',
  ],
  ['gemini', '{}'],
  ['windsurf', '{ "mcpServers": {} }\n'],
  ['opencode', '{\n  "mcp": {\n    "jira": { "type": "remote", "url": "https://x.example" }\n  }\n}\n'],
  ['opencode', '{\n  // v2\n  "mcp": { "servers": { "a": { "type": "local", "command": ["a"] } } }\n}\n'],
  ['codex', '# mine\nmodel = "o"   # best\n\n[mcp_servers.other]\ncommand = "x"\n\n[profiles.a]\nb = 1\n'],
  ['codex', 'model = "o"\r\n[mcp_servers]\r\n[mcp_servers.other]\r\nargs = [ "a", ] # one\r\n'],
  [
    'continue',
    'name: Local   # mine\nversion: 1.0.0\nschema: v1\n\nmodels:\n    - name: "gpt"\n      roles: [chat]\n',
  ],
  ['continue', "mcpServers:\n- name: other\n  command: 'x'  # keep\n\n# the end\nrules: []\n"],
];

describe.each(FILES)('%s %j', (client, text) => {
  const file = fileOf(client);

  test('has Flyball afterwards, all that it had before, and is the same again without it', () => {
    const added = edited(text, file, 'add');
    expect(added).toContain('flyball');
    // Every line of before is there, in its order; one at most got a comma or a bracket behind it.
    let from = 0;
    const moved = text.split(/\r?\n/).filter(line => {
      const at = added.indexOf(line.trim(), from);
      if (at < 0) return true;
      from = at;
      return false;
    });
    expect(moved.length, added).toBeLessThanOrEqual(1);
    expect(edited(added, file, 'add')).toBe(added);
    const removed = edited(added, file, 'remove');
    expect(removed).not.toContain('flyball');
    if (client === 'codex' || client === 'continue') expect(removed.trimEnd()).toBe(text.trimEnd());
    expect(edited(removed, file, 'remove')).toBe(removed);
  });

  test('gets a new command in the place of the old one', () => {
    const added = edited(text, file, 'add');
    const other = clientFile(client, 'user', machine, { command: 'elsewhere', args: ['mcp'] });
    const changed = edited(added, other as ClientFile, 'add');
    expect(changed).toContain('elsewhere');
    expect(changed).not.toContain('daemon.yaml');
    expect(edited(changed, file, 'add').match(/daemon\.yaml/g)).toHaveLength(1);
  });
});

test('of the first version of opencode servers stand right below mcp', () => {
  const text = '{"mcp": {"jira": {"type": "remote", "url": "https://x.example"}}}';
  expect(JSON.parse(edited(text, fileOf('opencode'), 'add'))).toMatchObject({
    mcp: { flyball: { type: 'local' } },
  });
  expect(JSON.parse(edited(undefined, fileOf('opencode'), 'add'))).toMatchObject({
    mcp: { servers: { flyball: { type: 'local' } } },
  });
});

test.each(CLIENTS)('a file of %s that is not there is made whole', client => {
  const text = edited(undefined, fileOf(client), 'add');
  expect(text.endsWith('\n')).toBe(true);
  expect(edited(text, fileOf(client), 'add')).toBe(text);
  expect(edited(undefined, fileOf(client), 'remove')).toBe('');
});

test.each([
  ['cursor', '{\n  "mcpServers": {\n', /^line \d+: /],
  ['cursor', '[1]', /no object/],
  ['cursor', '{"mcpServers": [1]}', /mcpServers is no object/],
  ['codex', 'a = 1\nb = \n', /line 2|2:/],
  ['codex', 'mcp_servers = 3\n', /no table/],
  ['continue', 'a: 1\nb: [\n', /^line \d+: /],
  ['continue', 'mcpServers: here\n', /no list/],
] as const)('%s: %j is refused', (client, text, why) => {
  expect(() => edited(text, fileOf(client), 'add')).toThrow(Unreadable);
  expect(() => edited(text, fileOf(client), 'add')).toThrow(why);
});

test('files are where each client looks for them', () => {
  const at = (client: (typeof CLIENTS)[number], scope: 'user' | 'project', on: Partial<Machine> = {}) =>
    clientFile(client, scope, { ...machine, ...on }, launch)?.paths.at(-1);
  expect(
    Object.fromEntries(CLIENTS.map(client => [client, [at(client, 'user'), at(client, 'project')]])),
  ).toEqual({
    'claude-code': ['/home/ana/.claude.json', '/work/models/.mcp.json'],
    'claude-desktop': ['/home/ana/.config/Claude/claude_desktop_config.json', undefined],
    cursor: ['/home/ana/.cursor/mcp.json', '/work/models/.cursor/mcp.json'],
    vscode: ['/home/ana/.config/Code/User/mcp.json', '/work/models/.vscode/mcp.json'],
    codex: ['/home/ana/.codex/config.toml', '/work/models/.codex/config.toml'],
    gemini: ['/home/ana/.gemini/settings.json', '/work/models/.gemini/settings.json'],
    windsurf: ['/home/ana/.codeium/windsurf/mcp_config.json', undefined],
    opencode: ['/home/ana/.config/opencode/opencode.json', '/work/models/opencode.json'],
    continue: ['/home/ana/.continue/config.yaml', '/work/models/.continue/mcpServers/flyball.yaml'],
  });
  const mac = { platform: 'darwin', home: '/Users/ana' } as const;
  expect(at('claude-desktop', 'user', mac)).toBe(
    '/Users/ana/Library/Application Support/Claude/claude_desktop_config.json',
  );
  const windows = {
    platform: 'win32',
    home: 'C:\\Users\\ana',
    appData: 'C:\\Users\\ana\\AppData\\Roaming',
  } as const;
  expect(at('vscode', 'user', windows)).toBe('C:\\Users\\ana\\AppData\\Roaming\\Code\\User\\mcp.json');
});

test('what stands on one line is not laid out anew', () => {
  const text = '{\n  // mine\n  "mcpServers": { "other": { "command": "x" } }\n}\n';
  const added = edited(text, fileOf('cursor'), 'add');
  expect(added).toContain('  // mine\n  "mcpServers": { "other": { "command": "x" },');
  expect(edited(added, fileOf('cursor'), 'remove')).toBe(text);
});
