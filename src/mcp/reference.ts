/** What can be read about the language: the package's own documents, section by section, and its schemas. The same for everybody. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = join(import.meta.dirname, '..', '..');
const DOCUMENTS = ['language', 'agents', 'life-cycle', 'operations'] as const;
const KINDS = ['policy', 'policytest', 'model', 'dataset', 'connection', 'settings'] as const;

export interface Topic {
  readonly name: string;
  readonly title: string;
  readonly text: string;
}

/** Kinds of document that have a JSON Schema. */
export const schemaKinds: readonly string[] = KINDS;

/** The JSON Schema of a kind of document, as text; undefined for other names. */
export function schemaOf(kind: string): string | undefined {
  return schemaKinds.includes(kind)
    ? readFileSync(join(PACKAGE, 'schemas', `${kind}.schema.json`), 'utf8')
    : undefined;
}

let known: readonly Topic[] | undefined;

/** `language` has the contents, `language.gates` the section; in the order of the documents. */
export function topics(): readonly Topic[] {
  known ??= DOCUMENTS.flatMap(name =>
    sectionsOf(name, readFileSync(join(PACKAGE, 'docs', `${name}.md`), 'utf8')),
  );
  return known;
}

function sectionsOf(name: string, text: string): readonly Topic[] {
  const [head = '', ...parts] = text.split(/^(?=## )/m);
  const sections = parts.map(part => {
    const title = part.slice(3, part.indexOf('\n')).trim();
    return { name: `${name}.${slug(title)}`, title, text: part };
  });
  const title = /^# (.+)$/m.exec(head)?.[1] ?? name;
  const contents = sections.map(one => `- flyball://docs/${one.name}: ${one.title}`).join('\n');
  return [{ name, title, text: `${head.trim()}\n\n${contents}\n` }, ...sections];
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
