/** The page for agents names every tool, prompt, resource and client that there is, and none that there is not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { CLIENTS } from '../../src/mcp/install/clients.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'agents.md'), 'utf8');

test('docs/agents.md lists the tools', () => {
  const listed = [...text.matchAll(/^\| `(flyball_[a-z_]+)`/gm)].map(([, tool]) => tool);
  expect(listed.sort()).toEqual(commands.flatMap(command => command.tool ?? []).sort());
});

test('docs/agents.md names the clients', () => {
  for (const client of CLIENTS) expect(text).toContain(`\`${client}\``);
});
