/** A wish that was not carried out, in words for whoever asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** For doors that answer with a code: what kind of no it is. */
  readonly reason: 'input' | 'role' | 'conflict' | 'absent' | 'busy';
  /** Names that would have been known. They come from outside, so that agents are not told them in an error. */
  readonly known: readonly string[] | undefined;
  constructor(message: string, reason: Refusal['reason'] = 'input', known?: readonly string[]) {
    super(message);
    this.reason = reason;
    this.known = known;
  }
}

/** A Refusal of a name that is not known. */
export function unknownName(what: string, known: readonly string[], none = 'none yet'): Refusal {
  return new Refusal(what, 'absent', known.length === 0 ? [none] : known);
}

/** The words of a Refusal for people, with at most 30 of the names. */
export function wordsOf({ message, known }: Refusal): string {
  if (known === undefined) return message;
  const shown = known.slice(0, 30).join(', ');
  const more = known.length > 30 ? ` and ${known.length - 30} more` : '';
  return `${message}${/[.?]$/.test(message) ? ' Expected' : '; expected'} one of: ${shown}${more}.`;
}
