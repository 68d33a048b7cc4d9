/**
 * Ten thousand documents that nobody wrote: mutations of good ones, pieces of two, random bytes. None stops `compile`, none takes
 * long, and the JSON Schemas never disagree with our validators: what editors accept we accept in shape, what they reject we
 * refuse. `FUZZ_SEED` gives another ten thousand.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { compile } from '../../src/dsl/compile.ts';
import { type File, VALIDATORS } from '../../src/dsl/documents.ts';
import { readFile } from '../../src/dsl/source.ts';
import type { DocumentKind, Json } from '../../src/model.ts';
import { catalogue, commit, example } from '../fixtures/bad/example.ts';
import { type Good, generator, type Mutator } from './mutations.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SEED = Number(process.env.FUZZ_SEED ?? 45);
const DOCUMENTS = 10_000;
/** A guard against hanging, not a measure: machines for tests are slow and shared. */
const HANGS_MS = 5_000;

const schemas = new Map<string, ValidateFunction>();
for (const kind of Object.keys(VALIDATORS)) {
  const path = `${ROOT}schemas/${kind.toLowerCase()}.schema.json`;
  const ajv = new Ajv2020({ strict: false, logger: false });
  schemas.set(kind, ajv.compile(JSON.parse(readFileSync(path, 'utf8'))));
}

/** Good documents, one a text: those of the example, then all others of the repository. */
const base = example().flatMap(documentsOf);
const others = ['policies', 'examples', 'test/fixtures/bad']
  .flatMap(folder =>
    readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.yaml') && !name.includes('node_modules'))
      .map(name => ({ path: name, text: readFileSync(`${ROOT}${folder}/${name}`, 'utf8') })),
  )
  .flatMap(documentsOf);

function documentsOf(file: File): Good[] {
  const sound = readFile(file.path, file.text).sources.filter(source => source.diagnostics.length === 0);
  return sound.map(({ text, value }) => ({ text: text.replace(/^---\n/, ''), value }));
}

/** The mutant alone, or in the place of the document of the example that it was made of. */
function repository(mutant: string, replaced: number): File[] {
  const alone = { path: 'mutant.yaml', text: mutant };
  if (replaced < 0) return [alone];
  const rest = base.filter((_, i) => i !== replaced).map(one => one.text);
  return [{ path: 'rest.yaml', text: rest.join('---\n') }, alone];
}

interface Disagreement {
  readonly text: string;
  readonly what: string;
}

interface Issue {
  readonly code: string;
  readonly message: string;
  readonly errors?: readonly (readonly Issue[])[];
  readonly issues?: readonly Issue[];
}

/**
 * True when nothing but refinements stands in the way of a value: zod's code for them is `custom`. JSON Schema cannot say them:
 * one value that depends on another (exactly one of table and path), zones, windows, paths that stay in their folder, secrets.
 */
function isRefinement(issue: Issue): boolean {
  if (issue.code === 'custom') return true;
  const branches = issue.code === 'invalid_union' ? (issue.errors ?? []) : [issue.issues ?? []];
  return branches.some(branch => branch.length > 0 && branch.every(isRefinement));
}

/** What the schema and the validator of a kind say otherwise about one value; undefined when they agree. */
function disagreement(value: Json, isRefused: () => boolean): string | undefined {
  const kind = (value as { readonly kind?: Json } | null)?.kind;
  const schema = typeof kind === 'string' ? schemas.get(kind) : undefined;
  if (schema === undefined) return undefined;
  const shape = VALIDATORS[kind as DocumentKind].safeParse(value);
  if (schema(value)) {
    if (shape.success || (shape.error.issues as readonly Issue[]).every(isRefinement)) return undefined;
    return `the schema accepts what we refuse: ${shape.error.message}`;
  }
  if (!shape.success || isRefused()) return undefined;
  return `the schema rejects what we accept: ${JSON.stringify(schema.errors)}`;
}

test(`${DOCUMENTS} documents (seed ${SEED}): no crash, no hang, no disagreement with the schemas`, {
  timeout: 600_000,
}, () => {
  const mutate: Mutator = generator(SEED, [...base, ...others]);
  const disagreements: Disagreement[] = [];
  let slowest = { ms: 0, text: '' };
  let readable = 0;
  for (let i = 0; i < DOCUMENTS; i++) {
    // Half of them mutate the example, in whose place they are compiled with the rest of it.
    const replaced = i % 2 === 0 ? (i / 2) % base.length : -1;
    const text = mutate(replaced < 0 ? undefined : base[replaced]);
    const begun = performance.now();
    const { diagnostics } = compile({ files: repository(text, replaced), commit, env: 'prod', catalogue });
    const ms = performance.now() - begun;
    if (ms > slowest.ms) slowest = { ms, text };
    const refused = diagnostics.some(one => one.severity === 'error' && one.position.file === 'mutant.yaml');
    for (const source of readFile('mutant.yaml', text).sources) {
      if (source.diagnostics.length > 0) continue;
      readable++;
      const what = disagreement(source.value, () => refused);
      if (what !== undefined && disagreements.length < 10) disagreements.push({ text: source.text, what });
    }
  }
  expect(disagreements).toEqual([]);
  expect(readable).toBeGreaterThan(DOCUMENTS / 3);
  expect(slowest.ms, slowest.text).toBeLessThan(HANGS_MS);
});
