/** `listen` of daemon.yaml: where the daemon's HTTP door is, by which names it is asked, and how much it takes. */
import { z } from 'zod';

/** `127.0.0.1:8467`, `localhost:8467`, `0.0.0.0:8467` or `[::1]:8467`. */
const ADDRESS = /^(?:(\d{1,3}(?:\.\d{1,3}){3}|localhost)|\[([0-9a-f:]+)\]):(\d{1,5})$/i;
const PORT_MAX = 65_535;

const EXAMPLE = 'expected an address of this machine with a port, such as 127.0.0.1:8467 or 0.0.0.0:8467';

const address = z.string().transform((text, context) => {
  const [, name, v6, digits] = ADDRESS.exec(text) ?? [];
  const port = Number(digits);
  const octets = name === undefined || name === 'localhost' ? [] : name.split('.').map(Number);
  if (digits !== undefined && port <= PORT_MAX && octets.every(one => one <= 255))
    return { host: name ?? v6 ?? '', port };
  context.addIssue({ code: 'custom', message: `found ${text}; ${EXAMPLE}` });
  return z.NEVER;
});

const host = z
  .string()
  .regex(/^[A-Za-z0-9.-]+(?::\d{1,5})?$/, 'expected a name such as flyball.example, without a scheme');

const origin = z
  .string()
  .refine(isOrigin, 'expected an origin such as https://console.example, without a path');

const perSecond = (otherwise: number) => z.int().min(1).max(100_000).default(otherwise);

const limits = z
  .strictObject({
    principal: perSecond(50).describe('Requests a second of one principal.'),
    address: perSecond(100).describe('Requests a second without a token that counts, of one address.'),
    total: perSecond(500).describe('Requests a second of all together.'),
    concurrent: z
      .int()
      .min(1)
      .max(10_000)
      .default(64)
      .describe('Requests at once; a quarter of them of one principal.'),
    streams: z
      .int()
      .min(1)
      .max(1000)
      .default(64)
      .describe('Streams of changes at once; a quarter of them of one principal.'),
  })
  .prefault({});

export type Limits = z.output<typeof limits>;

/** Where `listen` says nothing about them. */
export const LIMITS: Limits = limits.parse(undefined);

/** Where the door is. Beyond loopback it is opened only with proof of who asks, and TLS or a proxy before it. */
export interface Listen {
  readonly host: string;
  readonly port: number;
  /** Files, from the folder of daemon.yaml. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Names by which it may be asked, beside loopback ones. */
  readonly hosts?: readonly string[];
  /** Other sites whose pages may send to it. */
  readonly origins?: readonly string[];
  /** How its users see it, without a slash at the end. */
  readonly publicUrl?: string;
  readonly limits?: Limits;
}

const whole = z
  .strictObject(
    {
      address: address.describe('An address of this machine with a port.'),
      tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
      hosts: z.array(host).min(1).optional(),
      origins: z.array(origin).min(1).optional(),
      publicUrl: origin.optional(),
      limits,
    },
    `expected text such as 127.0.0.1:8467, or an object with address`,
  )
  .transform(
    ({ address: where, tls, hosts, origins, publicUrl, limits: most }): Listen => ({
      ...where,
      ...(tls ? { tls } : {}),
      ...(hosts ? { hosts } : {}),
      ...(origins ? { origins } : {}),
      ...(publicUrl === undefined ? {} : { publicUrl }),
      limits: most,
    }),
  );

export const listen = z.preprocess(given => (typeof given === 'string' ? { address: given } : given), whole);

/** The address of the door, as `listen` in daemon.yaml is checked, or what is wrong with it. */
export function parseListen(text: string): { readonly listen: Listen } | { readonly problem: string } {
  const checked = listen.safeParse(text);
  if (checked.success) return { listen: checked.data };
  return { problem: checked.error.issues.map(issue => issue.message).join('; ') };
}

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text;
}
