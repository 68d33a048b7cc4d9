/** A wish that was not carried out, in words for whoever asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** For doors that answer with a code: what kind of no it is. */
  readonly reason: 'input' | 'role' | 'conflict' | 'absent' | 'busy';
  constructor(message: string, reason: Refusal['reason'] = 'input') {
    super(message);
    this.reason = reason;
  }
}
