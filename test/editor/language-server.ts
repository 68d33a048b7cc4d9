/** yaml-language-server, from npm, as an editor talks to it: open a document, complete, hover, diagnose. For tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(import.meta.dirname));
const SERVER = join(ROOT, 'node_modules', 'yaml-language-server', 'bin', 'yaml-language-server');

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export interface Editor {
  /** Diagnostics of a text, as if it stood in `policies/NAME`; its first line may name a schema relative to that. */
  diagnostics(name: string, text: string): Promise<readonly string[]>;
  /** Labels offered at the mark `▮` of a text. */
  completions(name: string, text: string): Promise<readonly string[]>;
  /** What is shown over the mark `▮` of a text. */
  hover(name: string, text: string): Promise<string>;
  close(): Promise<void>;
}

/** A running language server with this project as its workspace. */
export async function openEditor(): Promise<Editor> {
  const child = spawn(process.execPath, [SERVER, '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const wire = wireOf(child);
  const rootUri = pathToFileURL(ROOT).href;
  await wire.ask('initialize', {
    processId: process.pid,
    rootUri,
    capabilities: { textDocument: { hover: { contentFormat: ['markdown'] }, completion: {} } },
    workspaceFolders: [{ uri: rootUri, name: 'flyball' }],
  });
  wire.tell('initialized', {});
  let version = 0;
  const open = (name: string, text: string) => {
    const uri = pathToFileURL(join(ROOT, 'policies', name)).href;
    wire.tell('textDocument/didOpen', {
      textDocument: { uri, languageId: 'yaml', version: ++version, text },
    });
    return uri;
  };
  const atMark = async (method: string, name: string, marked: string) => {
    const before = marked.slice(0, marked.indexOf('▮')).split('\n');
    const uri = open(name, marked.replace('▮', ''));
    const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
    return wire.ask(method, { textDocument: { uri }, position });
  };
  return {
    async diagnostics(name, text) {
      const uri = pathToFileURL(join(ROOT, 'policies', name)).href;
      const published = wire.next('textDocument/publishDiagnostics', params => params.uri === uri);
      open(name, text);
      const { diagnostics } = (await published) as {
        readonly diagnostics: readonly {
          readonly message: string;
          readonly range: { readonly start: { readonly line: number } };
        }[];
      };
      return diagnostics.map(one => `${one.range.start.line + 1}: ${one.message}`);
    },
    async completions(name, text) {
      const found = (await atMark('textDocument/completion', name, text)) as {
        readonly items: readonly { readonly label: string }[];
      } | null;
      return (found?.items ?? []).map(one => one.label);
    },
    async hover(name, text) {
      const found = (await atMark('textDocument/hover', name, text)) as {
        readonly contents: { readonly value: string } | string;
      } | null;
      const contents = found?.contents ?? '';
      return typeof contents === 'string' ? contents : contents.value;
    },
    async close() {
      await wire.ask('shutdown', undefined);
      const exit = new Promise(resolve => child.once('exit', resolve));
      wire.tell('exit', undefined);
      await exit;
    },
  };
}

/** JSON-RPC in frames of `Content-Length`. What the server itself asks is answered with nothing. */
function wireOf(child: ChildProcess) {
  const waiting = new Map<number, (message: Message) => void>();
  const expected: {
    readonly method: string;
    readonly fits: (params: { uri?: string }) => boolean;
    readonly give: (params: unknown) => void;
  }[] = [];
  let buffer = Buffer.alloc(0);
  let last = 0;
  const send = (message: object) => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    child.stdin?.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  const take = (message: Message) => {
    if (message.method !== undefined && message.id !== undefined) {
      const configuration = message.method === 'workspace/configuration';
      send({ id: message.id, result: configuration ? [{}, {}, {}, {}, {}] : null });
    } else if (message.id !== undefined) waiting.get(message.id)?.(message);
    else {
      const at = expected.findIndex(
        one => one.method === message.method && one.fits(message.params as object),
      );
      if (at >= 0) expected.splice(at, 1)[0]?.give(message.params);
    }
  };
  child.stdout?.on('data', (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const head = buffer.indexOf('\r\n\r\n');
      const length = Number(
        /Content-Length: (\d+)/i.exec(buffer.subarray(0, Math.max(head, 0)).toString())?.[1],
      );
      if (head < 0 || buffer.length < head + 4 + length) return;
      const body = buffer.subarray(head + 4, head + 4 + length).toString();
      buffer = buffer.subarray(head + 4 + length);
      take(JSON.parse(body) as Message);
    }
  });
  return {
    tell: (method: string, params: unknown) => send({ method, params }),
    ask: (method: string, params: unknown) =>
      new Promise<unknown>((resolve, reject) => {
        const id = ++last;
        waiting.set(id, message =>
          message.error ? reject(new Error(`${method}: ${message.error.message}`)) : resolve(message.result),
        );
        send({ id, method, params });
      }),
    next: (method: string, fits: (params: { uri?: string }) => boolean) =>
      new Promise<unknown>(give => expected.push({ method, fits, give })),
  };
}
