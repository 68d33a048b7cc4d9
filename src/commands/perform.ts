/** The one way from a door to a command: role, input, key, audit, run, output. Doors add nothing to it. */
import type { JsonObject, Store } from '../model.ts';
import { PortError } from '../model.ts';
import { greatestRole, isAgent, mayPerform, reaches, targetsWith } from './access.ts';
import { audit } from './audit.ts';
import type { Command } from './command.ts';
import { once } from './once.ts';
import type { Ports } from './ports.ts';
import { Refusal, wordsOf } from './refusal.ts';
import { scopedStore } from './scoped-store.ts';
import { isInScope, scopeOf } from './scopes.ts';

export { Refusal } from './refusal.ts';

/** How a call is made, beside its input. */
export interface CallOptions {
  /** Of a write: under the same key of the same principal it is done once, and asking again gives the first answer. */
  readonly key?: string | undefined;
}

/**
 * Runs a command with unchecked input. Throws Refusal for what the asker can mend, PortError for what the world refused. `run`
 * sees only the targets on which whoever asks has the command's role.
 */
export async function perform(
  command: Command,
  ports: Ports,
  given: unknown,
  { key }: CallOptions = {},
): Promise<JsonObject> {
  if (!mayPerform(command, ports)) throw await refused(command, ports, {});
  const checked = command.input.safeParse(given);
  if (!checked.success) {
    const problems = checked.error.issues.map(
      issue => `${issue.path.join('.') || 'input'}: ${issue.message}`,
    );
    throw new Refusal(`${command.name}: ${problems.join('; ')}. See 'flyball help ${command.name}'.`);
  }
  const input = checked.data as JsonObject;
  const reach = command.reach(checked.data as never);
  if (!reaches(ports.grants, command.role, reach)) throw await refused(command, ports, input);
  return once(command, ports, input, key, async own => {
    if (command.audited !== 'after') await audit(command, own, input);
    const output = await command.run(await scoped(command, own, reach), checked.data as never);
    if (command.audited === 'after') await audit(command, own, input);
    return command.output.parse(output) as JsonObject;
  });
}

/** The ports with what this principal may see for this command. */
async function scoped(command: Command, ports: Ports, reach: 'targets' | 'fleet'): Promise<Ports> {
  const { world, grants } = ports;
  // Where no state is, as in a pipeline of a repository, there is nothing to be seen of it.
  const store: Store | undefined = world?.store;
  if (store === undefined || reach === 'fleet') return ports;
  const sees = await targetsWith(grants, command.role, store);
  if (sees === undefined) return ports;
  return { ...ports, sees, world: { ...world, store: scopedStore(store, sees) } };
}

async function refused(command: Command, ports: Ports, input: JsonObject): Promise<Refusal> {
  const why = lacking(command, ports);
  await audit(command, ports, input, why);
  return new Refusal(`${command.name}: ${why}`, 'role');
}

/** Why this is not allowed, and where it would be. */
function lacking(command: Command, { principal, grants, scopes, settings }: Ports): string {
  if (!isInScope(command, scopes)) {
    const needed = scopeOf(command);
    return `the token was not issued for this; expected ${needed === undefined ? 'one that no scopes limit' : `the scope ${needed}`}.`;
  }
  const role = greatestRole(grants);
  if (isAgent(principal) && (command.effect === 'decide' || command.effect === 'operate'))
    return `${principal.name} is an agent; expected ${command.role}, as a person at a terminal or at the daemon's page.`;
  const has = role === undefined ? 'no role' : `the role ${role}`;
  const needed = `${principal.name} has ${has}; expected ${command.role}`;
  if (mayPerform(command, { principal, grants }))
    return `${needed} on all targets, as this touches all of them.`;
  if (isAgent(principal)) return `${needed}.`;
  return settings.trust === 'local-user' || principal.authenticated
    ? `${needed}.`
    : `${needed}, proved by a token: set FLYBALL_TOKEN, or give it when the terminal asks ('flyball token create' makes one).`;
}

/**
 * What to say after a result while no engine runs, or undefined. People are told after a wish that nobody carries out;
 * agents, who see one result at a time, after whatever they read as well.
 */
export async function enforcementNote(
  { effect }: Pick<Command, 'effect'>,
  { engine, principal }: Pick<Ports, 'engine' | 'principal'>,
): Promise<string | undefined> {
  const wishes = effect === 'decide' || effect === 'safe' || effect === 'propose' || effect === 'request';
  const reads = effect === 'read' && principal.door === 'mcp';
  if (!(wishes || reads) || (await engine()) !== undefined) return undefined;
  const nobody = 'nothing is being enforced now: no engine runs';
  return wishes && effect !== 'request'
    ? `It is recorded, but ${nobody}. Start it with 'flyball run'.`
    : `Note: ${nobody}.`;
}

/** The words of an error for whoever asked; our own bugs say that they are. */
export function describeError(error: unknown): { readonly message: string; readonly bug: boolean } {
  if (error instanceof Refusal) return { message: wordsOf(error), bug: false };
  if (error instanceof PortError) return { message: error.message, bug: false };
  return { message: error instanceof Error ? error.message : String(error), bug: true };
}
