/** The rules of the layout, as a test: who may import whom, what stays pure, and how files look. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Import, importsOf, lineAt, readSource, type Source } from './source-text.ts';

const ROOT = dirname(import.meta.dirname);
const LINES_MAX = 350;

interface Area {
  /** Other areas that it may import, besides itself. */
  readonly areas: readonly string[];
  /** Packages and Node modules. A star ends a prefix. */
  readonly packages: readonly string[];
  readonly reason: string;
}

const PURE =
  'it is a function of its arguments, so that a plan, a backtest and a replay give what the live run gave';
const ADAPTER = 'an adapter knows one technology and the nouns, so that it can be replaced alone';
const DOOR = 'a door decides nothing: it turns its protocol into commands';

/** The import table of the design. `main` is missing: it wires everything. */
const AREAS: Readonly<Record<string, Area>> = {
  model: { areas: [], packages: [], reason: 'it is the file to read first, and everything depends on it' },
  canonical: {
    areas: [],
    packages: ['node:crypto', 'canonicalize'],
    reason: 'ids and chains must not depend on anything that changes',
  },
  sealing: {
    areas: [],
    packages: ['node:crypto'],
    reason: 'what is secret is made and compared in one place',
  },
  calendar: {
    areas: ['model'],
    packages: ['croner'],
    reason: 'windows and schedules are read by one library, so that every door gives the same answer',
  },
  report: {
    areas: ['model'],
    packages: [],
    reason: 'a page is a function of what it shows; the chart library comes in as text',
  },
  evaluators: { areas: ['model', 'canonical'], packages: ['zod'], reason: PURE },
  executors: { areas: ['model', 'canonical'], packages: ['zod'], reason: PURE },
  dsl: {
    areas: ['model', 'canonical', 'calendar'],
    packages: ['yaml', 'zod', 'jsep', '@jsep-plugin/*'],
    reason: 'it gets the catalogue of evaluators and verbs as an argument, and text instead of files',
  },
  engine: {
    areas: ['model', 'canonical', 'calendar', 'evaluators', 'executors'],
    packages: ['json-logic-js'],
    reason: PURE,
  },
  connectors: {
    areas: ['model', 'canonical'],
    packages: ['node:*', '@duckdb/node-api', 'zod'],
    reason: ADAPTER,
  },
  store: {
    areas: ['model', 'canonical'],
    packages: ['node:*', 'pg', 'graphile-worker'],
    reason: ADAPTER,
  },
  git: {
    areas: ['model', 'canonical'],
    packages: ['node:*', 'isomorphic-git', 'chokidar', 'openpgp'],
    reason: ADAPTER,
  },
  forges: {
    areas: ['model'],
    packages: ['node:*', '@octokit/rest', '@gitbeaker/rest'],
    reason: ADAPTER,
  },
  commands: {
    areas: ['model', 'canonical', 'sealing', 'calendar', 'dsl', 'engine', 'report'],
    packages: ['zod'],
    reason: 'it gets its ports as arguments, so that every door and every test can run it',
  },
  cli: { areas: ['model', 'commands'], packages: ['node:*', 'commander'], reason: DOOR },
  mcp: {
    areas: ['model', 'canonical', 'commands'],
    packages: ['node:*', '@modelcontextprotocol/*', 'zod', 'jsonc-parser', '@decimalturn/toml-patch', 'yaml'],
    reason: DOOR,
  },
  http: {
    areas: ['model', 'canonical', 'sealing', 'commands', 'report'],
    packages: ['node:*', 'prom-client', 'jose', 'rate-limiter-flexible', 'zod'],
    reason: DOOR,
  },
};

const PURE_AREAS = ['dsl', 'engine', 'evaluators', 'executors', 'model'];
/** The shell around the pure core: asynchronous, but with the clock and the world as ports. */
const ASYNC_FILES = [
  'drive',
  'effects',
  'look',
  'observe',
  'project',
  'reconcile',
  'replica',
  'simulate',
  'ticks',
].map(name => `src/engine/${name}.ts`);

interface Ban {
  readonly pattern: RegExp;
  readonly rule: string;
  readonly reason: string;
  readonly applies: (file: string) => boolean;
}

const isPure = (file: string) => PURE_AREAS.includes(areaOf(file));

const BANS: readonly Ban[] = [
  {
    pattern:
      /\bDate\s*\.\s*now\b|\bnew\s+Date\s*(?:\(\s*\)|(?![\s(]))|(?<!new\s+)\bDate\s*\(|\bperformance\s*\.|\bhrtime\b|\bTemporal\b/g,
    rule: 'no clock here',
    reason:
      'now is snapshot.takenAt or an argument; otherwise a replay gives something else than the run did',
    applies: isPure,
  },
  {
    pattern: /\bMath\s*\.\s*random\b|\bcrypto\b|\brandom(?:UUID|Bytes|Int)\b/g,
    rule: 'no randomness here',
    reason: 'the same input must give the same entries, byte for byte',
    applies: isPure,
  },
  {
    pattern:
      /\b(?:process|fetch|globalThis|setTimeout|setInterval|setImmediate|queueMicrotask|console|eval|WebSocket|Worker)\b(?!\s*[:?]?:)/g,
    rule: 'no I/O and no timers here',
    reason: 'the world comes in as arguments and leaves as values; the shell does the rest',
    applies: isPure,
  },
  {
    pattern: /\basync\b|\bawait\b|\bPromise\b/g,
    rule: 'nothing asynchronous here',
    reason: 'the pure core answers at once; only the shell around it waits',
    applies: file => isPure(file) && file !== 'src/model.ts' && !ASYNC_FILES.includes(file),
  },
  {
    pattern: /\bexport\s+default\b|\bas\s+default\b(?=[^;]*\})/g,
    rule: 'no default export',
    reason: 'a name that is the same everywhere can be searched for',
    applies: () => true,
  },
  {
    pattern: /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[|\benv\b[^;=]*\}\s*=\s*process\b/g,
    rule: 'the environment is read in src/main.ts only',
    reason: 'settings that are read elsewhere cannot be seen, tested or replayed',
    applies: file => file !== 'src/main.ts' && file !== 'src/connectors/local/environment.ts',
  },
  {
    pattern: /\bconsole\s*(?:\?\.|\.)\s*log\b/g,
    rule: 'no console.log',
    reason: 'stdout belongs to results and to MCP; logs go to stderr through the log port',
    applies: () => true,
  },
];

const VAGUE = [
  ...[
    'util',
    'utils',
    'helper',
    'helpers',
    'types',
    'constants',
    'common',
    'misc',
    'manager',
    'shared',
    'stuff',
  ],
  ...['service', 'handler', 'processor', 'factory', 'context', 'data', 'info', 'item', 'base', 'lib'],
];

/** All that is wrong with one file, as `file:line: what was found; the rule; the reason`. */
function violations(file: string, text: string): readonly string[] {
  const source = readSource(text);
  return [
    ...importViolations(file, importsOf(source)),
    ...banViolations(file, source),
    ...shapeViolations(file, text),
  ];
}

function importViolations(file: string, imports: readonly Import[]): readonly string[] {
  const own = areaOf(file);
  const wired = [
    'main',
    'agents-route',
    'terminal',
    'remote',
    'remote-changes',
    'wiring',
    'daemon',
    'replica',
    'state-settings',
    'stderr-log',
  ];
  if ([...wired, 'repository-port', 'git-remote', 'ci-port'].includes(own)) return [];
  const area = AREAS[own];
  if (area === undefined) {
    return [
      `${file}:1: src/${own} is not in the layout; put the file into an area of the design, or add one to it there`,
    ];
  }
  const allowed = [...area.areas.map(name => `src/${name}`), ...area.packages].join(', ') || 'nothing';
  return imports
    .filter(({ specifier }) => !mayImport(own, area, targetOf(file, specifier)))
    .map(
      ({ specifier, line }) =>
        `${file}:${line}: imports '${specifier}'; ${own} may import ${allowed}; ${area.reason}`,
    );
}

/** What an import leads to: `src/…` for our own files, else the package's specifier. */
function targetOf(file: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier;
}

function mayImport(own: string, area: Area, target: string): boolean {
  if (target.startsWith('src/')) return areaOf(target) === own || area.areas.includes(areaOf(target));
  return area.packages.some(name =>
    name.endsWith('*') ? target.startsWith(name.slice(0, -1)) : target === name,
  );
}

/** The first part of a path below src: a folder, or the name of a file that stands there alone. */
function areaOf(file: string): string {
  return (file.split('/')[1] ?? '').replace(/\.ts$/, '');
}

/** One line a ban, about its first place: the same slip twenty times is one mistake. */
function banViolations(file: string, { code }: Source): readonly string[] {
  return BANS.filter(ban => ban.applies(file)).flatMap(({ pattern, rule, reason }) => {
    const [first, ...more] = [...code.matchAll(pattern)];
    if (first === undefined) return [];
    const found = first[0].replace(/\s+/g, ' ').trim();
    const times = more.length > 0 ? ` and ${more.length} more such` : '';
    return [`${file}:${lineAt(code, first.index)}: found ${found}${times}; ${rule}; ${reason}`];
  });
}

function shapeViolations(file: string, text: string): readonly string[] {
  const found: string[] = [];
  const lines = text.replace(/\n$/, '').split('\n').length;
  // model.ts is prose and types, to be read from top to bottom in one place.
  if (lines > LINES_MAX && file !== 'src/model.ts') {
    found.push(
      `${file}:${LINES_MAX + 1}: has ${lines} lines; at most ${LINES_MAX}; a file should be about one thing`,
    );
  }
  if (!/^\/\*\*\s*[^\s*]/.test(text.replace(/^\/\*\*\s*\n\s*\*/, '/**'))) {
    found.push(
      `${file}:1: does not open with a doc comment; say in one sentence what the file is for and what it leaves out`,
    );
  }
  const vague = basename(file, '.ts')
    .split('-')
    .find(part => VAGUE.includes(part));
  if (vague !== undefined) {
    found.push(
      `${file}:1: '${vague}' says nothing; name the file after its main export, in a word of the dictionary`,
    );
  }
  return found;
}

/** All files below src that are shipped: tests, and suites that several tests share (`x.contract.ts`), are not. */
function sourceFiles(): readonly string[] {
  const entries = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile() && /(?<!\.test|\.contract)\.ts$/.test(entry.name))
    .map(entry => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

test.each(sourceFiles())('%s keeps to the layout', file => {
  expect(violations(file, readFileSync(join(ROOT, file), 'utf8')).join('\n')).toBe('');
});

describe('each rule catches what it is there for', () => {
  const doc = '/** For a test. */\n';
  /** file | source | part of the message, or nothing when it is allowed */
  const table: readonly (readonly [file: string, text: string, message?: string])[] = [
    ['src/model.ts', "import { z } from 'zod';", "imports 'zod'; model may import nothing"],
    ['src/evaluators/a.ts', "import { x } from '../engine/step.ts';", "imports '../engine/step.ts'"],
    ['src/evaluators/a.ts', "import type { X } from '../dsl/policy.ts';", "imports '../dsl/policy.ts'"],
    ['src/evaluators/a.ts', "import {\n  x,\n} from '../store/x.ts';", ":2: imports '../store/x.ts'"],
    ['src/evaluators/a.ts', "import fs from 'node:fs';", "imports 'node:fs'"],
    ['src/evaluators/a.ts', "import 'fs';", "imports 'fs'"],
    ['src/evaluators/a.ts', "export * from '../executors/x.ts';", "imports '../executors/x.ts'"],
    ['src/evaluators/a.ts', "export { x } from '../executors/x.ts';", "imports '../executors/x.ts'"],
    ['src/executors/a.ts', "const x = import('node:fs');", "imports 'node:fs'"],
    ['src/executors/a.ts', 'const x = import(name);', "imports '(computed)'"],
    ['src/executors/a.ts', "const x = require('fs');", "imports 'fs'"],
    ['src/engine/a.ts', "import { x } from '../dsl/policy.ts';", "imports '../dsl/policy.ts'"],
    ['src/engine/drive.ts', "import { x } from '../store/sqlite.ts';", "imports '../store/sqlite.ts'"],
    ['src/dsl/a.ts', "import { x } from '../evaluators/index.ts';", "imports '../evaluators/index.ts'"],
    ['src/store/a.ts', "import { x } from '../engine/fold.ts';", "imports '../engine/fold.ts'"],
    ['src/git/a.ts', "import { x } from '../store/sqlite.ts';", "imports '../store/sqlite.ts'"],
    ['src/connectors/local/a.ts', "import { x } from '../../git/refs.ts';", "imports '../../git/refs.ts'"],
    ['src/commands/a.ts', "import { x } from '../store/sqlite.ts';", "imports '../store/sqlite.ts'"],
    ['src/commands/a.ts', "import fs from 'node:fs';", "imports 'node:fs'"],
    ['src/cli/a.ts', "import { x } from '../engine/step.ts';", "imports '../engine/step.ts'"],
    ['src/mcp/a.ts', "import { x } from '../cli/print.ts';", "imports '../cli/print.ts'"],
    ['src/http/a.ts', "import { x } from '../engine/step.ts';", "imports '../engine/step.ts'"],
    ['src/other/a.ts', 'export const x = 1;', 'src/other is not in the layout'],
    ['src/evaluators/a.ts', 'const x = Date.now();', ':2: found Date.now; no clock here'],
    ['src/evaluators/a.ts', 'const x = new Date();', 'no clock here'],
    ['src/evaluators/a.ts', 'const x = new Date;', 'no clock here'],
    ['src/executors/a.ts', 'const x = `$' + '{Date.now()}`;', 'no clock here'],
    ['src/engine/drive.ts', 'const x = performance.now();', 'no clock here'],
    ['src/engine/a.ts', 'const x = Math.random();', 'no randomness here'],
    ['src/dsl/a.ts', 'const x = crypto.randomUUID();', 'no randomness here'],
    ['src/dsl/a.ts', 'const x = fetch(url);', 'no I/O and no timers here'],
    ['src/engine/a.ts', 'setTimeout(f, 1);', 'no I/O and no timers here'],
    ['src/engine/a.ts', "const x = process.getBuiltinModule('fs');", 'no I/O and no timers here'],
    ['src/engine/a.ts', 'export async function x() {}', 'nothing asynchronous here'],
    ['src/dsl/a.ts', 'export function x(): Promise<void> {}', 'nothing asynchronous here'],
    ['src/git/a.ts', 'export default function x() {}', 'no default export'],
    ['src/git/a.ts', 'export { x as default };', 'no default export'],
    ['src/cli/a.ts', 'const x = process.env.HOME;', 'src/main.ts only'],
    ['src/cli/a.ts', 'const { env } = process;', 'src/main.ts only'],
    ['src/cli/a.ts', "const x = process['env'];", 'src/main.ts only'],
    ['src/cli/a.ts', 'console.log(1);', 'no console.log'],
    ['src/cli/a.ts', 'const x = a / b;\nconsole.log(c / d);', ':3: found console.log'],
    ['src/git/git-utils.ts', '', "'utils' says nothing"],
    ['src/git/types.ts', '', "'types' says nothing"],
    ['src/git/a.ts', '\n'.repeat(LINES_MAX), 'at most 350'],

    ['src/engine/drive.ts', 'export async function x() {}'],
    ['src/main.ts', "import { x } from './store/sqlite.ts';\nconst home = process.env.FLYBALL_HOME;"],
    ['src/evaluators/a.ts', "import { z } from 'zod';\nimport { hashOf } from '../canonical.ts';"],
    ['src/evaluators/a.ts', 'const x = new Date(at).toISOString();'],
    ['src/evaluators/a.ts', "// Date.now() and await are not for us\nconst x = 'async Math.random()';"],
    [
      'src/evaluators/a.ts',
      'const sql = `select a from $' + '{now} where await`;\nconst r = /new Date\\(\\)|[/"]/;',
    ],
    ['src/evaluators/a.ts', 'const x = "import { y } from \'node:fs\'";'],
    ['src/dsl/a.ts', "import jsep from 'jsep';\nimport { parseDocument } from 'yaml';"],
    ['src/mcp/a.ts', "import { McpServer } from '@modelcontextprotocol/server';"],
    ['src/git/a.ts', "import git from 'isomorphic-git';\nimport { watch } from 'chokidar';"],
  ];
  test.each(table)('%s: %s', (file = '', text = '', message) => {
    const found = violations(file, doc + text);
    if (message === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringContaining(message)]);
    for (const line of found) expect(line).toMatch(/^src\/\S+:\d+: .+; .+/);
  });

  test.each(['', 'const x = 1;', '// A line.', '/* A block. */', '/** */', '\n/** Late. */'])(
    'a file that opens with %j is told to say what it is for',
    text => {
      expect(violations('src/git/a.ts', text)).toEqual([expect.stringContaining('doc comment')]);
    },
  );
});
