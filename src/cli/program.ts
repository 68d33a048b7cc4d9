/** The command line, generated from the table of commands: arguments and options come from each input schema. */
import { Option, Command as Program } from 'commander';
import {
  type Caller,
  type Command,
  commands,
  describeError,
  type ExitCode,
  type PolicyText,
  type Property,
  propertiesOf,
} from '../commands/index.ts';
import { paintFor } from './paint.ts';

/** What the command line touches. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly colour: boolean;
  /** Opens what a command is called through. */
  readonly open: (
    command: Command,
    options: { readonly config?: string },
  ) => Promise<{ readonly caller: Caller; close(): Promise<void> }>;
  readonly readFiles: (
    paths: readonly string[],
    config: string | undefined,
  ) => Promise<readonly PolicyText[]>;
}

/** Runs one command line and gives its exit code: 0 fine, 1 error, 2 changes pending. */
export async function runProgram(
  argv: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<ExitCode> {
  let code: ExitCode = 0;
  const program = new Program('flyball')
    .description('Policies in git say what must hold of your models; Flyball sees to it.')
    .option('--config <file>', 'daemon.yaml (default: in FLYBALL_HOME, or the nearest .flyball folder)')
    .option('--json', 'print the result as JSON')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: text => terminal.out(text.trimEnd()),
      writeErr: text => terminal.error(text.trimEnd()),
    });
  if (!hasVersion(argv)) program.version(version);
  const groups = new Map<string, Program>();
  for (const command of commands) {
    add(program, groups, command).action(async (...args: unknown[]) => {
      code = await execute(command, args, program, terminal);
    });
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    // Help and version end here too, with exit code 0.
    if (error instanceof Error && 'exitCode' in error) return error.exitCode === 0 ? 0 : 1;
    throw error;
  }
  return code;
}

/** The command that is called has a --version of its own: that of a model. */
function hasVersion(argv: readonly string[]): boolean {
  const called = argv.find(word => !word.startsWith('-'));
  return commands.some(({ name, input }) => name === called && 'version' in input.shape);
}

function add(program: Program, groups: Map<string, Program>, command: Command): Program {
  const [first = '', second] = command.name.split(' ');
  let parent = program;
  if (second !== undefined) {
    parent =
      groups.get(first) ??
      // `silence` is a command of its own, and `silence end` stands below it.
      program.commands.find(one => one.name() === first) ??
      program.command(first).description(`${first}: see 'flyball ${first} --help'`);
    groups.set(first, parent);
  }
  const made = parent
    .command(second ?? first, second === 'list' ? { isDefault: true } : {})
    .summary(command.title);
  const examples = command.examples.map(example => `  ${example}`).join('\n');
  made.description(command.description).option('--json', 'print the result as JSON');
  if (examples) made.addHelpText('after', `\nExamples:\n${examples}`);
  const properties = propertiesOf(command);
  for (const name of command.positional) {
    const property = properties.find(one => one.name === name);
    made.argument(property?.required ? `<${name}>` : `[${name}]`, property?.description ?? '');
  }
  for (const property of properties) {
    if (!command.positional.includes(property.name)) made.addOption(optionOf(property));
  }
  return made.exitOverride().configureOutput(program.configureOutput());
}

function optionOf({ name, required, type, enum: choices, description = '' }: Property): Option {
  // Commander gives `--behind-proxy` back as `behindProxy`.
  const flag = `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
  if (type === 'boolean') return new Option(flag, description);
  if (type === 'array') return new Option(`${flag} <paths...>`, description).makeOptionMandatory(required);
  const option = new Option(`${flag} <value>`, description).makeOptionMandatory(required);
  if (choices) option.choices(choices);
  if (type === 'integer' || type === 'number') option.argParser(Number);
  return option;
}

async function execute(
  command: Command,
  args: readonly unknown[],
  program: Program,
  terminal: Terminal,
): Promise<ExitCode> {
  const shared = program.opts<{ config?: string; json?: boolean }>();
  const own = args.find(arg => arg !== null && typeof arg === 'object' && !Array.isArray(arg)) as Record<
    string,
    unknown
  >;
  const json = shared.json === true || own.json === true;
  try {
    const input = inputOf(command, args, own);
    if (Array.isArray(input.files))
      input.files = await terminal.readFiles(input.files as string[], shared.config);
    const config = shared.config === undefined ? {} : { config: shared.config };
    const { caller, close } = await terminal.open(command, config);
    try {
      const called = await caller.call(command, input);
      const output = called.output as never;
      const text = json ? JSON.stringify(output, null, 2) : command.text(output, paintFor(terminal.colour));
      if (text !== '') terminal.out(text);
      if (called.note !== undefined) terminal.error(called.note);
      return command.exit(output);
    } finally {
      await close();
    }
  } catch (error) {
    const { message, bug } = describeError(error);
    terminal.error(json ? JSON.stringify({ error: message }) : paintFor(terminal.colour).bad(message));
    if (bug && error instanceof Error) terminal.error(error.stack ?? '');
    return 1;
  }
}

function inputOf(
  command: Command,
  args: readonly unknown[],
  own: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { json: _, ...options } = own;
  const input: Record<string, unknown> = { ...options };
  command.positional.forEach((name, i) => {
    if (args[i] !== undefined) input[name] = args[i];
  });
  return input;
}
