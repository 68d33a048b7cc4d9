/**
 * Writes the JSON Schema of each document kind beside this file, from the validators, for editors. With `--check` it writes
 * nothing and ends with 1 when a file is not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { jsonSchemas } from '../src/dsl/json-schema.ts';
import { evaluators } from '../src/evaluators/index.ts';
import { verbs } from '../src/executors/index.ts';

/** The text of every schema file, by its name. */
export function schemaFiles(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(jsonSchemas({ evaluators, verbs })).map(([kind, schema]) => [
      `${kind.toLowerCase()}.schema.json`,
      `${JSON.stringify(schema, null, 2)}\n`,
    ]),
  );
}

function stale(files: Record<string, string>): string[] {
  return Object.entries(files).flatMap(([name, text]) => (read(name) === text ? [] : [name]));
}

function read(name: string): string | undefined {
  try {
    return readFileSync(new URL(name, import.meta.url), 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const files = schemaFiles();
  const old = stale(files);
  if (process.argv.includes('--check')) {
    for (const name of old) console.error(`schemas/${name} is stale; run npm run schemas.`);
    process.exitCode = old.length > 0 ? 1 : 0;
  } else {
    for (const name of old) writeFileSync(new URL(name, import.meta.url), files[name] ?? '');
  }
}
