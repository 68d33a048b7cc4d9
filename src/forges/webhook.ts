/** What a forge sends when somebody pushed: believed only with its signature, and then a reason to look, never what is there. Pure. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export type ForgeKind = 'github' | 'gitlab' | 'gitea';
export type HookHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Bytes of one delivery. Its content is not read, so that a large one is no use to anybody. */
export const DELIVERY_MAX = 1024 * 1024;

/** True when whoever sent it knows the secret. Header names are in lower case. Compares in constant time. */
export function isSigned(kind: ForgeKind, secret: string, headers: HookHeaders, body: Uint8Array): boolean {
  if (secret === '') return false;
  const hex = () => createHmac('sha256', secret).update(body).digest('hex');
  switch (kind) {
    case 'github':
      return isSame(headers['x-hub-signature-256'], `sha256=${hex()}`);
    case 'gitlab':
      return isSame(headers['x-gitlab-token'], secret);
    case 'gitea':
      return isSame(headers['x-gitea-signature'] ?? headers['x-forgejo-signature'], hex());
  }
}

function isSame(given: string | readonly string[] | undefined, expected: string): boolean {
  if (typeof given !== 'string') return false;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

export interface HookAnswer {
  readonly status: 202 | 401 | 413;
  readonly message: string;
}

/** Answers deliveries. A signed one has the remote looked at, soon; sent again, it does no more than that. */
export function hookDoor(of: {
  readonly kind: ForgeKind;
  readonly secret: () => string;
  readonly poke: () => void;
}): (headers: HookHeaders, body: Uint8Array) => HookAnswer {
  return (headers, body) => {
    if (body.length > DELIVERY_MAX)
      return { status: 413, message: `a delivery has at most ${DELIVERY_MAX} bytes` };
    if (!isSigned(of.kind, of.secret(), headers, body))
      return { status: 401, message: 'the signature is not right' };
    of.poke();
    return { status: 202, message: 'the repository is looked at' };
  };
}
