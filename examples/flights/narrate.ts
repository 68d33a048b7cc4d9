/** Tells a replay as it goes: a line a week, and a line for what matters. */

import { entryText } from '../../src/commands/entry-text.ts';
import { value } from '../../src/commands/time.ts';
import type { Entry, Store } from '../../src/model.ts';
import type { Injection } from './story.ts';

const CHAINS_WITHOUT_STORY = new Set(['fleet']);

/** Follows the ledger and prints what a person would want to hear of. */
export class Narrator {
  readonly #store: Store;
  readonly #print: (line: string) => void;
  readonly #told = new Map<string, number>();
  #flights = 0;
  #versions = new Set<string>();
  #faults = new Set<string>();

  constructor(store: Store, print: (line: string) => void) {
    this.#store = store;
    this.#print = print;
  }

  /** Says a fault when it begins, and that it is injected. */
  injected(day: string, faults: readonly Injection[]): void {
    for (const fault of faults) {
      if (this.#faults.has(fault.note)) continue;
      this.#faults.add(fault.note);
      this.#print(`${day}  INJECTED   ${fault.note}`);
    }
  }

  /** Counts a day's traffic; says once a week that work goes on. */
  served(day: string, versions: Readonly<Record<string, number>>): void {
    for (const [version, count] of Object.entries(versions)) {
      this.#flights += count;
      this.#versions.add(version);
    }
    if (new Date(`${day}T00:00:00Z`).getUTCDay() !== 0) return;
    this.#print(
      `${day}  served     ${this.#flights.toLocaleString('en')} flights so far, this week by ${[...this.#versions].join(', ')}`,
    );
    this.#versions = new Set();
  }

  /** Prints the entries since the last call that are worth a line. */
  async tell(day: string): Promise<void> {
    for (const chain of await this.#store.chains()) {
      if (CHAINS_WITHOUT_STORY.has(chain)) continue;
      const entries = await this.#store.entries({ chain, from: (this.#told.get(chain) ?? 0) + 1 });
      for (const entry of entries) {
        const line = lineOf(entry);
        if (line) this.#print(`${day}  ${line}`);
      }
      const last = entries.at(-1);
      if (last) this.#told.set(chain, last.seq);
    }
  }
}

function lineOf({ body }: Entry): string | undefined {
  switch (body.kind) {
    case 'episode-opened':
      return `FIRES      ${entryText(body)}`;
    case 'ask':
      return `asks       ${entryText(body)}`;
    case 'approval':
      return `answered   ${entryText(body)}`;
    case 'intent':
      return body.action.call.capability === 'notify.send'
        ? `TELLS      ${body.cause.policy}: ${body.action.verb}`
        : `acts       ${entryText(body)}`;
    case 'outcome':
      return outcomeLine(body);
    case 'decision':
      return body.decision.outcome === 'hold' &&
        !body.decision.holds.some(hold => hold.reason === 'verifying' || hold.reason === 'stalled')
        ? `holds      ${entryText(body)}`
        : undefined;
    case 'verified':
      return body.what === 'sequence' ? `VERIFIED   ${entryText(body)}` : `verified   ${entryText(body)}`;
    case 'stalled':
      return `GIVES UP   ${entryText(body)}`;
    case 'episode-ended':
      return `ends       ${entryText(body)}`;
    case 'transition':
      return body.to === 'unknown'
        ? `BLIND      ${body.cause.policy}: ${body.verdict?.operands.find(one => one.unknown)?.unknown?.message.split(/[;.] /)[0] ?? ''}`
        : undefined;
    case 'withdrawn':
      return `withdrawn  ${entryText(body)}`;
    default:
      return undefined;
  }
}

function outcomeLine(body: Extract<Entry['body'], { kind: 'outcome' }>): string | undefined {
  const outputs = Object.entries(body.outputs ?? {}).filter(([, found]) => typeof found !== 'object');
  if (body.outcome === 'succeeded' && outputs.length === 0) return undefined;
  const values = outputs.map(([name, found]) => `${name} ${value(found)}`);
  return `outcome    ${body.outcome}${body.message ? `: ${body.message}` : ''}${values.length > 0 ? `: ${values.join(', ')}` : ''}`;
}
