/** The plugin folder for Claude Code, and the page for agents: as documented, and about tools that there are. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { commands } from '../src/commands/index.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (...path: readonly string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const tools = commands.flatMap(({ tool }) => tool ?? []);
const skills = readdirSync(join(ROOT, 'plugin/skills'));

test('its manifest, and the server that it starts', () => {
  const manifest = JSON.parse(read('plugin/.claude-plugin/plugin.json')) as Record<string, unknown>;
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(manifest).toMatchObject({ name: 'flyball', version, description: expect.any(String) });
  expect(JSON.parse(read('plugin/.mcp.json'))).toEqual({
    mcpServers: { flyball: { command: 'npx', args: ['flyball', 'mcp'] } },
  });
});

test('three skills, each with its name, when to use it, and tools that exist', () => {
  expect(skills).toHaveLength(3);
  for (const skill of skills) {
    const text = read('plugin/skills', skill, 'SKILL.md');
    const [, front = '', body = ''] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(text) ?? [];
    const { name, description } = parse(front) as { name: string; description: string };
    expect(name).toBe(skill);
    expect(description).toMatch(/Use when/);
    expect(description.length).toBeLessThanOrEqual(1024);
    const named = body.match(/flyball_\w+/g) ?? [];
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter(tool => !tools.includes(tool))).toEqual([]);
  }
});

test('docs/agents.md has every tool and no other', () => {
  const named = [...new Set(read('docs/agents.md').match(/flyball_\w+/g))];
  expect(named.sort()).toEqual([...tools].sort());
});
