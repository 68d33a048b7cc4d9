/** The one way from a door to a command: role, input, audit, run, output. Doors add nothing to it. */
import { canonical } from '../canonical.ts';
import { type JsonObject, PortError } from '../model.ts';
import { type Command, ROLES } from './command.ts';
import type { Ports } from './ports.ts';

/** A wish that was not carried out, in words for whoever asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Whether a role suffices for a command. Deciding is never an agent's, whatever role it was given. */
export function mayPerform(command: Command, ports: Pick<Ports, 'role' | 'principal'>): boolean {
  if (ports.principal.door === 'mcp' && (command.effect === 'decide' || command.effect === 'operate'))
    return false;
  return ROLES.indexOf(ports.role) >= ROLES.indexOf(command.role);
}

/** Runs a command with unchecked input. Throws Refusal for what the asker can mend, PortError for what the world refused. */
export async function perform(command: Command, ports: Ports, given: unknown): Promise<JsonObject> {
  if (!mayPerform(command, ports)) {
    await audit(command, ports, {}, `needs the role ${command.role}`);
    throw new Refusal(`${command.name}: ${lacking(command, ports)}`);
  }
  const checked = command.input.safeParse(given);
  if (!checked.success) {
    const problems = checked.error.issues.map(
      issue => `${issue.path.join('.') || 'input'}: ${issue.message}`,
    );
    throw new Refusal(`${command.name}: ${problems.join('; ')}. See 'flyball help ${command.name}'.`);
  }
  const input = checked.data as JsonObject;
  if (command.audited !== 'after') await audit(command, ports, input);
  const output = await command.run(ports, checked.data as never);
  if (command.audited === 'after') await audit(command, ports, input);
  return command.output.parse(output) as JsonObject;
}

/** Why this is not allowed, and where it would be. */
function lacking(command: Command, { principal, role, settings }: Ports): string {
  const needed = `${principal.name} has the role ${role}; expected ${command.role}`;
  if (principal.door === 'mcp') return `${needed}, as a person at a terminal.`;
  return settings.trust === 'local-user'
    ? `${needed}.`
    : `${needed}. daemon.yaml says trust: tokens, so that needs proof of a person, and tokens are not in this version. Say trust: local-user only where everyone at this machine may decide.`;
}

/**
 * What to say after a result while no engine runs, or undefined. People are told after a wish that nobody carries out;
 * agents, who see one result at a time, after whatever they read as well.
 */
export async function enforcementNote(
  { effect }: Command,
  { engine, principal }: Ports,
): Promise<string | undefined> {
  const wishes = effect === 'decide' || effect === 'safe' || effect === 'propose';
  const reads = effect === 'read' && principal.door === 'mcp';
  if (!(wishes || reads) || (await engine()) !== undefined) return undefined;
  const nobody = 'nothing is being enforced now: no engine runs';
  return wishes ? `It is recorded, but ${nobody}. Start it with 'flyball run'.` : `Note: ${nobody}.`;
}

/** Calls with an effect stand in the fleet chain before their effect; refused ones too. */
async function audit(command: Command, ports: Ports, input: JsonObject, refused?: string): Promise<void> {
  if ((command.effect === 'read' && refused === undefined) || command.needs === 'nothing') return;
  const { world, principal } = ports;
  const body = {
    kind: 'audit' as const,
    by: principal,
    command: command.name,
    input: shortened(input),
    result: refused === undefined ? ('allowed' as const) : ('refused' as const),
    ...(refused === undefined ? {} : { message: refused }),
  };
  await world.store.transaction(tx => tx.fleet([body], world.clock()));
}

/** Whole files do not belong into the audit: they stand in git. */
function shortened(input: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => {
      const text = canonical(value ?? null);
      return [key, text.length > 500 ? `${text.slice(0, 500)}… (${text.length} characters)` : value];
    }),
  );
}

/** The words of an error for whoever asked; our own bugs say that they are. */
export function describeError(error: unknown): { readonly message: string; readonly bug: boolean } {
  if (error instanceof Refusal || error instanceof PortError) return { message: error.message, bug: false };
  return { message: error instanceof Error ? error.message : String(error), bug: true };
}
