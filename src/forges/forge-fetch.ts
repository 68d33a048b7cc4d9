/** How a forge's API is asked: at its own address only, in bounds of time and size. */
import { PortError } from '../model.ts';

const TIMEOUT_MS = 30_000;
const ANSWER_MAX = 8 * 1024 * 1024;

/** `fetch` for one API. A redirect is refused, as the token would go with it. */
export function forgeFetch(api: string): typeof fetch {
  const { origin } = new URL(api);
  const refused = (problem: string) =>
    new PortError(`forge at ${origin}: ${problem}.`, { code: 'forge', retry: 'later', subject: origin });
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    if (url.origin !== origin) throw refused(`${url.origin} was to be asked; expected its own address only`);
    const answer = await fetch(input, {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(cause => {
      const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
      throw refused(`it cannot be reached (${inner instanceof Error ? inner.message : String(inner)})`);
    });
    if (answer.status >= 300 && answer.status < 400) {
      await answer.body?.cancel();
      throw refused(
        `it redirects (${answer.status}); name its present address and project under remote in daemon.yaml`,
      );
    }
    return bounded(answer, () => refused(`it answers with more than ${ANSWER_MAX} bytes`));
  };
}

async function bounded(answer: Response, tooLarge: () => PortError): Promise<Response> {
  const { status, statusText, headers } = answer;
  const parts: Uint8Array[] = [];
  let size = 0;
  if (answer.body) {
    for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
      size += part.length;
      if (size > ANSWER_MAX) throw tooLarge();
      parts.push(part);
    }
  }
  const whole = status === 204 ? null : Buffer.concat(parts);
  const copy = new Response(whole, { status, statusText, headers });
  // Clients name the address in what they give; a response that was made has none.
  Object.defineProperty(copy, 'url', { value: answer.url });
  return copy;
}
