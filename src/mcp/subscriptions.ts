/** Who follows a resource is told that it changed: from changes of the ledger to addresses. */
import type { McpServer, ServerEventBus } from '@modelcontextprotocol/server';
import type { Caller, Change } from '../commands/index.ts';

/** Addresses of what a change is about. */
export function addressesOf({ chain, actions, approvals, policies }: Change): readonly string[] {
  const [kind, name = ''] = chain.split('/');
  return [
    ...(name === '' ? [] : [`flyball://targets/${chain}`]),
    ...(kind === 'model' ? [`flyball://models/${name}`] : []),
    ...actions.map(id => `flyball://actions/${id}`),
    ...approvals.map(id => `flyball://approvals/${id}`),
    ...policies.map(policy => `flyball://policies/${policy}`),
  ];
}

/** At most so many addresses are followed on one connection. */
const MOST_FOLLOWED = 200;

/** 2025-era subscriptions on a connection that stays. Changes are looked for while there is one. */
export function serveSubscriptions(server: McpServer, caller: Caller): void {
  const followed = new Set<string>();
  let stop: (() => void) | undefined;
  const tell = (change: Change) => {
    for (const uri of addressesOf(change))
      if (followed.has(uri)) void server.server.sendResourceUpdated({ uri }).catch(() => undefined);
  };
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    if (followed.size < MOST_FOLLOWED) followed.add(params.uri);
    stop ??= caller.changes?.(tell);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    followed.delete(params.uri);
    if (followed.size === 0) {
      stop?.();
      stop = undefined;
    }
    return {};
  });
  const before = server.server.onclose;
  server.server.onclose = () => {
    stop?.();
    before?.();
  };
}

/**
 * 2026-era subscriptions on a connection that stays: the library gives on only what the client listens to. Changes are looked
 * for once what this gives is called.
 */
export function tellAll(server: McpServer, caller: Caller): () => void {
  let stop: (() => void) | undefined;
  const before = server.server.onclose;
  server.server.onclose = () => {
    stop?.();
    before?.();
  };
  return () => {
    stop ??= caller.changes?.(change => {
      for (const uri of addressesOf(change))
        void server.server.sendResourceUpdated({ uri }).catch(() => undefined);
    });
  };
}

/** Events of one principal's changes, for streams over HTTP. Changes are looked for while a stream is open. */
export function busOf(caller: Caller): ServerEventBus {
  type Listener = Parameters<ServerEventBus['subscribe']>[0];
  const listeners = new Set<Listener>();
  let stop: (() => void) | undefined;
  const publish: ServerEventBus['publish'] = event => {
    for (const listener of listeners) listener(event);
  };
  return {
    publish,
    subscribe(listener) {
      listeners.add(listener);
      stop ??= caller.changes?.(change => {
        for (const uri of addressesOf(change)) publish({ kind: 'resource_updated', uri });
      });
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        stop?.();
        stop = undefined;
      };
    },
  };
}
