/**
 * Brings a person to the page of an approval: clients that can are asked to open its address. Whatever they answer decides
 * nothing; the approval is read from the state afterwards.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequiredResult,
  inputRequired,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { type Caller, commands } from '../commands/index.ts';
import { clean } from './outside-text.ts';

/** What the client is to open first; undefined when it opened it, cannot, or there is nothing to open. */
export async function askByPage(
  server: McpServer,
  caller: Caller,
  given: unknown,
  ctx: ServerContext,
): Promise<InputRequiredResult | undefined> {
  const { approval, open } = (given ?? {}) as { readonly approval?: unknown; readonly open?: unknown };
  if (open !== true || typeof approval !== 'string') return undefined;
  if (ctx.mcpReq.inputResponses !== undefined || !opensPages(server, ctx)) return undefined;
  const page = await pageOf(caller, approval);
  if (page === undefined) return undefined;
  const message = `An action waits for a person's yes or no (approval ${clean(approval, 64)}). Open its page to decide.`;
  return inputRequired({ inputRequests: { page: inputRequired.elicitUrl({ message, url: page }) } });
}

function opensPages(server: McpServer, ctx: ServerContext): boolean {
  const envelope = ctx.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined;
  const declared = envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities();
  return (declared as ClientCapabilities | undefined)?.elicitation?.url !== undefined;
}

/** The page of an approval that waits. Whatever is wrong with the wish is told by the call itself. */
async function pageOf(caller: Caller, approval: string): Promise<string | undefined> {
  const command = commands.find(one => one.name === 'approvals');
  if (!command) return undefined;
  const found = await caller.call(command, { approval }).catch(() => undefined);
  const [only, ...others] = (found?.output.approvals ?? []) as readonly { readonly page?: string }[];
  return others.length === 0 ? only?.page : undefined;
}
