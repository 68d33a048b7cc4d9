/** What a request is told when it cannot be answered: problem details of RFC 9457, and never an exception's own text. */

import { Refusal } from '../commands/index.ts';
import { type Json, PortError } from '../model.ts';
import type { Reply } from './route.ts';

/** By code: what it is called, and what to do about it. The code is stable; texts are for people. */
export const PROBLEMS = {
  input: [
    400,
    'The input is not right',
    'Change what the detail names; /api/v1/openapi.json has the schema.',
  ],
  json: [400, 'The body is not JSON that is read here', 'Send one JSON object, not deep and at most 1 MiB.'],
  unauthenticated: [
    401,
    'Who asks is not known',
    "Send 'Authorization: Bearer TOKEN'; 'flyball token create' makes one.",
  ],
  role: [
    403,
    'Not allowed',
    'Ask somebody with the role that the detail names, or with a token of that role.',
  ],
  scope: [
    403,
    'The token was not issued for this',
    'Get a token with the scope that WWW-Authenticate names.',
  ],
  origin: [
    403,
    'Another site sent this',
    'Open the page at the address of this daemon, or allow the origin: listen.origins in daemon.yaml.',
  ],
  absent: [404, 'There is no such thing', 'Look at the list of what there is.'],
  path: [404, 'There is no such path', '/api shows what there is.'],
  method: [405, 'Not by this method', 'Use a method that Allow names.'],
  conflict: [409, 'It contradicts what is there', 'Look again, and ask anew under a new Idempotency-Key.'],
  busy: [
    409,
    'It is still being carried out',
    'Ask again with the same Idempotency-Key after Retry-After seconds.',
  ],
  large: [413, 'The body is too large', 'Send at most 1 MiB.'],
  media: [415, 'Not this media type', 'Send the media type that the detail names.'],
  host: [
    421,
    'This is not that host',
    'Ask by a name of this daemon, or allow the name: listen.hosts in daemon.yaml.',
  ],
  refused: [422, 'The world refused it', 'Change what the detail names.'],
  limit: [429, 'Too many requests', 'Wait for Retry-After seconds.'],
  bug: [500, 'An error in Flyball itself', 'The log of the daemon says more.'],
  unavailable: [503, 'Not now', 'Ask again after Retry-After seconds.'],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string, hint: string]>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Thrown by routes: the request ends with this answer. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: ProblemCode, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.code = code;
    this.headers = headers;
  }
}

/** Seconds after which something that is not possible now may be. */
const LATER = { 'retry-after': '1' } as const;

/** The problem that an error is to whoever asked. `bug`: the detail is in the log alone. */
export function problemOf(error: unknown): {
  readonly problem: Problem;
  readonly bug: boolean;
  /** So that the same error can be made again from it: Refusal.reason, or the fields of a PortError. */
  readonly more: Readonly<Record<string, Json>>;
} {
  if (error instanceof Problem) return { problem: error, bug: false, more: {} };
  if (error instanceof Refusal) {
    const headers = error.reason === 'busy' ? LATER : {};
    return {
      problem: new Problem(error.reason, error.message, headers),
      bug: false,
      more: { reason: error.reason, ...(error.known ? { known: error.known.slice(0, 100) } : {}) },
    };
  }
  if (error instanceof PortError) {
    const { code, retry, subject } = error;
    const problem =
      retry === 'later'
        ? new Problem('unavailable', error.message, LATER)
        : new Problem('refused', error.message);
    return { problem, bug: false, more: { port: { code, retry, subject } } };
  }
  return {
    problem: new Problem('bug', 'This could not be answered; the log of the daemon says why.'),
    bug: true,
    more: {},
  };
}

export const PROBLEM_TYPE = 'application/problem+json';

/** The answer of RFC 9457: `type`, `title`, `status`, `detail`, and `code`, `hint`, `reason` or `port`. */
export function problemReply(error: unknown): Reply {
  const { problem, more } = problemOf(error);
  const [status, title, hint] = PROBLEMS[problem.code];
  const body = {
    ...{ type: `urn:flyball:problem:${problem.code}`, title, status, detail: readable(problem.message) },
    ...{ code: problem.code, hint },
    ...more,
  };
  return { status, type: PROBLEM_TYPE, body: `${JSON.stringify(body)}\n`, headers: problem.headers };
}

/** What others wrote may stand in it: no character in it moves or hides what is beside it. */
function readable(text: string): string {
  return text.replace(/(?!\n)[\p{Cc}\p{Cf}]/gu, ' ');
}
