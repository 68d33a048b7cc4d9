/** How evaluators put their answers: observations, readings and unknowns, from rows that came from outside. */
import {
  type Json,
  type Observation,
  type ObservationRequest,
  PortError,
  type Reading,
  type Row,
  type Scalar,
  type Unknown,
  type UnknownReason,
} from '../model.ts';

/** The number of a cell, however the engine gave it: a number, its text (`'NaN'`, a whole number too large for a double), or NaN. */
export function numberOf(cell: Json | undefined): number {
  if (typeof cell === 'number') return cell;
  if (typeof cell === 'boolean') return cell ? 1 : 0;
  return typeof cell === 'string' && cell.trim() !== '' ? Number(cell) : Number.NaN;
}

/** A count column of a row. Throws PortError when the engine did not give a finite number there. */
export function countOf(row: Row | undefined, column: string): number {
  const n = numberOf(row?.[column]);
  if (Number.isFinite(n)) return n;
  throw new PortError(
    `query answer: column ${column} is ${JSON.stringify(row?.[column])}; expected a count.`,
    {
      code: 'bad-answer',
      retry: 'never',
      subject: column,
    },
  );
}

/** An unknown with its message. */
export function unknown(reason: UnknownReason, message: string): Unknown {
  return { reason, message };
}

/** A reading that has a value. */
export function known(fields: Readonly<Record<string, Scalar>>, labels: Reading['labels'] = {}): Reading {
  return { labels, fields };
}

/** The observation of a request: its parts are what every evaluator adds in the same way. */
export function observationOf(
  request: ObservationRequest,
  parts: Pick<Observation, 'unit' | 'definition' | 'vector' | 'readings'> & {
    readonly unknown?: Unknown | undefined;
    readonly detail?: Json | undefined;
    readonly reference?: Observation['reference'] | undefined;
  },
): { readonly observation: Observation } {
  const { unknown: cause, detail, reference, ...rest } = parts;
  return {
    observation: {
      name: request.name,
      evaluator: request.evaluator,
      ...rest,
      ...(request.interval === undefined ? {} : { interval: request.interval }),
      ...(reference === undefined ? {} : { reference }),
      ...(cause === undefined ? {} : { unknown: cause }),
      ...(detail === undefined ? {} : { detail }),
    },
  };
}
