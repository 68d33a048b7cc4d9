/** Files on a disk: a copy of what was there, all at once, through links, with the rights that they had. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { install } from './install.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function home(): string {
  const made = mkdtempSync(join(tmpdir(), 'flyball-install-'));
  folders.push(made);
  return made;
}

const call = (at: string, more: Partial<Parameters<typeof install>[0]> = {}) =>
  install({
    client: 'cursor',
    scope: 'user',
    what: 'add',
    dryRun: false,
    machine: { platform: 'linux', home: at, folder: at },
    launch: { command: 'flyball', args: ['mcp'] },
    now: Date.UTC(2026, 0, 2, 3, 4, 5),
    ...more,
  });

test('writes through a link, keeps rights, and a copy of what was there', async () => {
  const at = home();
  mkdirSync(join(at, 'dotfiles'));
  mkdirSync(join(at, '.cursor'));
  const real = join(at, 'dotfiles', 'mcp.json');
  writeFileSync(real, '{"a": 1}\n');
  chmodSync(real, 0o640);
  symlinkSync(real, join(at, '.cursor', 'mcp.json'));
  const done = await call(at);
  expect(done).toMatchObject({
    changed: true,
    backup: join(at, '.cursor', 'mcp.json.flyball-20260102T030405.bak'),
  });
  expect(readFileSync(done.backup ?? '', 'utf8')).toBe('{"a": 1}\n');
  expect(JSON.parse(readFileSync(real, 'utf8'))).toMatchObject({
    a: 1,
    mcpServers: { flyball: { command: 'flyball' } },
  });
  expect(statSync(real).mode & 0o777).toBe(0o640);
  expect(await call(at)).toMatchObject({ changed: false });
  expect(await call(at, { what: 'remove' })).toMatchObject({ changed: true });
  expect(JSON.parse(readFileSync(real, 'utf8'))).toEqual({ a: 1, mcpServers: {} });
});

test('a dry run writes nothing, and neither does a file that cannot be read', async () => {
  const at = home();
  expect((await call(at, { dryRun: true })).text).toContain('flyball');
  expect(readdirSync(at)).toEqual([]);
  mkdirSync(join(at, '.cursor'));
  writeFileSync(join(at, '.cursor', 'mcp.json'), '{"a": \n');
  await expect(call(at)).rejects.toThrow(/mcp\.json: line \d+: .*Nothing was written/);
  expect(readdirSync(join(at, '.cursor'))).toEqual(['mcp.json']);
  await expect(call(at, { client: 'windsurf', scope: 'project' })).rejects.toThrow(/expected --scope user/);
});
