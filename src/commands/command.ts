/** What a command is: one operation, once, as data. The doors (CLI, MCP, HTTP) are generated from it and decide nothing. */
import { z } from 'zod';
import type { Ports } from './ports.ts';
import type { Scope } from './scopes.ts';

/** Each role may do what those before it may. */
export const ROLES = ['viewer', 'proposer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/**
 * `read` changes nothing. `propose` writes a branch. `request` appends a wish that goes through admission. `safe` is the safe
 * direction (pause, cancel). `decide` needs a person. `operate` runs or repairs Flyball itself.
 */
export type Effect = 'read' | 'propose' | 'request' | 'safe' | 'decide' | 'operate';

/** Exit codes of the command line: 0 fine, 1 error, 2 changes pending. */
export type ExitCode = 0 | 1 | 2;

/**
 * What a call touches. `targets`: those on which whoever asks has the command's role, and nothing else is seen. `fleet`: what
 * is everybody's, so the role is needed on all targets.
 */
export type Reach = 'targets' | 'fleet';

export interface Command {
  readonly name: string;
  /** The MCP tool that is this command; without it agents are not offered it. */
  readonly tool?: string;
  readonly title: string;
  /** For a reader without context: units, defaults, formats. */
  readonly description: string;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  /** Inputs that stand on the command line without a name, in order. */
  readonly positional: readonly string[];
  readonly role: Role;
  readonly effect: Effect;
  /** Where it is another one than the effect's. */
  readonly scope?: Scope;
  reach(input: never): Reach;
  /** `nothing`: runs before there is a configuration. `files`: runs on given files without one, or with it. */
  readonly needs: 'state' | 'files' | 'nothing';
  /** Fields of the output that a summary leaves out. */
  readonly details: readonly string[];
  /** What has an effect is on record before it; `after`: where there is nothing yet that it could stand in. */
  readonly audited?: 'after';
  /** Its answer holds a secret that is shown once: it is kept nowhere, so no key makes it be given again. */
  readonly secret?: true;
  /** It works on files, folders or processes of whoever sits at a terminal: no other door offers it. */
  readonly terminal?: true;
  readonly examples: readonly string[];
  run(ports: Ports, input: never): Promise<unknown>;
  /** For people at a terminal. */
  text(output: never, paint: Paint): string;
  exit(output: never): ExitCode;
}

/** Colours by meaning; each is the identity when the terminal has none. */
export type Paint = Readonly<Record<'bold' | 'dim' | 'good' | 'bad' | 'warn', (text: string) => string>>;

interface Definition<I extends z.ZodObject, O extends z.ZodObject> {
  readonly name: string;
  readonly tool?: string;
  readonly title: string;
  readonly description: string;
  readonly input: I;
  readonly output: O;
  readonly positional?: readonly (keyof z.output<I> & string)[];
  readonly role: Role;
  readonly effect: Effect;
  readonly scope?: Scope;
  readonly reach: Reach | ((input: z.output<I>) => Reach);
  readonly needs?: Command['needs'];
  readonly details?: readonly (keyof z.output<O> & string)[];
  readonly audited?: 'after';
  readonly secret?: true;
  readonly terminal?: true;
  readonly examples: readonly string[];
  run(ports: Ports, input: z.output<I>): Promise<z.input<O>>;
  text(output: z.output<O>, paint: Paint): string;
  exit?(output: z.output<O>): ExitCode;
}

/** A command whose run and text are checked against its own schemas. */
export function command<I extends z.ZodObject, O extends z.ZodObject>(definition: Definition<I, O>): Command {
  const { positional = [], needs = 'state', details = [], exit = () => 0 as const, reach } = definition;
  const reachOf = typeof reach === 'function' ? reach : () => reach;
  return { ...definition, positional, needs, details, exit, reach: reachOf };
}

/** An input that only a terminal has: other doors do not offer it. */
export function terminalOnly<T extends z.ZodType>(schema: T): T {
  return schema.meta({ ...schema.meta(), terminal: true });
}

/** One input of a command, as its JSON Schema says it. */
export interface Property {
  readonly name: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly required: boolean;
}

/** The inputs of a command in the order of its schema: what a door needs to make options or forms of them. */
export function propertiesOf(command: Command): readonly Property[] {
  const schema = z.toJSONSchema(command.input, { io: 'input' }) as {
    readonly properties?: Readonly<Record<string, Omit<Property, 'name' | 'required'>>>;
    readonly required?: readonly string[];
  };
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).map(([name, { type, enum: choices, description }]) => ({
    name,
    required: required.includes(name),
    ...(type === undefined ? {} : { type }),
    ...(choices === undefined ? {} : { enum: choices }),
    ...(description === undefined ? {} : { description }),
  }));
}
