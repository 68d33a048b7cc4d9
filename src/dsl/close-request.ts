/**
 * A requested action compiled closed, as the policy that it stands for: one rule with one step on one target, under the limits of
 * the Model and of Settings. So the language checks its arguments as those of any step. Pure.
 */
import type { Catalogue, ClosedPolicy, Commit, Json, JsonObject, TargetRef } from '../model.ts';
import { closePolicy } from './close-policy.ts';
import { checkFile, checkRequested, type File } from './documents.ts';
import { closureHash } from './hashes.ts';
import { shelve } from './shelve.ts';

/** What is asked for. `name`: of the policy that it is closed as. */
export interface AskedAction {
  readonly name: string;
  readonly verb: string;
  readonly target: TargetRef;
  /** As in a step of a policy: durations and predicates as text. */
  readonly args: JsonObject;
}

interface Input {
  readonly files: readonly File[];
  readonly commit: Commit;
  readonly env: string;
  readonly catalogue: Catalogue;
}

/** What the positions of a requested action name in place of a file. */
const FILE = 'request';

/** Each as a closed policy of these files, or why it can not be done under them. In their order. Never throws. */
export function closeRequests(
  asked: readonly AskedAction[],
  input: Input,
): readonly (ClosedPolicy | { readonly refused: string })[] {
  if (asked.length === 0) return [];
  const documents = input.files.flatMap(file => checkFile(file).documents);
  const library = shelve(documents, input.catalogue, input.env);
  return asked.map(one => {
    const slot = slotIn(one.args);
    if (slot !== undefined)
      return {
        refused: `${one.verb}: ${slot} holds \${…}; expected a value: nothing is there to fill it with`,
      };
    const [checked] = checkRequested({ path: FILE, text: textOf(one) }).documents;
    if (checked === undefined) return { refused: `${one.verb}: its arguments cannot be read` };
    const shelved = {
      checked,
      kind: 'Policy',
      name: FILE,
      document: checked.document,
      diagnostics: [],
    } as const;
    const [found] = checked.document ? closePolicy({ ...shelved, diagnostics: [] }, library, input) : [];
    const errors = [...checked.diagnostics, ...(found?.diagnostics ?? [])].filter(
      ({ severity }) => severity === 'error',
    );
    const closed = found?.closed;
    if (closed === undefined || errors.length > 0)
      return {
        refused: errors.map(({ message, hint }) => (hint ? `${message}. ${hint}` : message)).join('; '),
      };
    const named = { ...closed, policy: one.name };
    return { ...named, closureHash: closureHash(named) };
  });
}

/** JSON is YAML, and nothing in a value can become a key of the document. */
function textOf({ verb, target, args }: AskedAction): string {
  return JSON.stringify({
    apiVersion: 'flyball.dev/v1',
    kind: 'Policy',
    metadata: { name: FILE },
    spec: {
      mode: 'enforce',
      target: { [target.kind]: target.name },
      every: '1m',
      observe: {},
      // biome-ignore lint/suspicious/noThenProperty: the word of the language.
      rules: [{ name: verb, when: '1 == 1', then: [{ id: verb, [verb]: args }] }],
    },
  });
}

/** The argument in which a slot stands; undefined when there is none. */
function slotIn(args: JsonObject): string | undefined {
  return Object.entries(args).find(([, value]) => hasSlot(value))?.[0];
}

function hasSlot(value: Json): boolean {
  if (typeof value === 'string') return value.includes('${');
  if (value === null || typeof value !== 'object') return false;
  return Object.entries(value).some(([key, one]) => key.includes('$') || hasSlot(one as Json));
}
