/** Bodies of requests, hostile until they are read: bounded in bytes, in depth and in the number of their parts. */
import type { IncomingMessage } from 'node:http';
import type { Json } from '../model.ts';
import { Problem } from './problem.ts';

export const BYTES_MAX = 1_048_576;
/** A policy is at most 64 kB of text in one string; nothing that commands take is deeper or has more parts than this. */
const DEPTH_MAX = 32;
const PARTS_MAX = 10_000;

/** The whole body. What is too large is not read on. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = () =>
    new Problem('large', `The body has more than ${BYTES_MAX} bytes.`, { connection: 'close' });
  if (Number(request.headers['content-length'] ?? 0) > BYTES_MAX) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The JSON of a body that says that it is. An empty body is an empty object. */
export function jsonOf(body: Buffer, type: string | undefined): Json {
  requireType(type, 'application/json', body);
  if (body.length === 0) return {};
  const text = textOf(body);
  requireShallow(text);
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new Problem('json', 'The body cannot be parsed as JSON.');
  }
}

/** The fields of a form of a page. */
export function formOf(body: Buffer, type: string | undefined): URLSearchParams {
  requireType(type, 'application/x-www-form-urlencoded', body);
  return new URLSearchParams(textOf(body));
}

/** A page of another site can send forms and plain text unasked; JSON only with this server's consent. */
function requireType(type: string | undefined, expected: string, body: Buffer): void {
  const found = (type ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (found === expected || (found === '' && body.length === 0)) return;
  throw new Problem('media', `content-type is ${found.slice(0, 80) || 'missing'}; expected ${expected}.`);
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new Problem('json', 'The body is not UTF-8.');
  }
}

/** Looked at before it is parsed: what is built of it would take many times its bytes. */
function requireShallow(text: string): void {
  let [depth, parts, inText] = [0, 0, false];
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (inText) {
      if (sign === '\\') i++;
      else if (sign === '"') inText = false;
      continue;
    }
    if (sign === '"') inText = true;
    else if (sign === '{' || sign === '[') depth++;
    else if (sign === '}' || sign === ']') depth--;
    if (sign === ',' || sign === '{' || sign === '[') parts++;
    if (depth > DEPTH_MAX) throw new Problem('json', `The body is nested more than ${DEPTH_MAX} deep.`);
    if (parts > PARTS_MAX) throw new Problem('json', `The body has more than ${PARTS_MAX} parts.`);
  }
}
