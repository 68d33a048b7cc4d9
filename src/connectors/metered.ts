/** Effects and queries that tell a meter of each call, how it ended and how long it took. */
import {
  type CallResult,
  type Clock,
  type EffectFor,
  type Meter,
  PortError,
  type QueryData,
} from '../model.ts';

/** The same effects. `now` is real time. */
export function meteredEffects(effectFor: EffectFor, meter: Meter, now: Clock): EffectFor {
  return (capability, connection) => {
    const effect = effectFor(capability, connection);
    const told = <T>(call: 'start' | 'find' | 'poll' | 'cancel', work: Promise<T>) =>
      timed(work, now, (result, ms) => meter({ kind: 'effect', capability, call, result, ms }));
    return {
      ...effect,
      start: action => told('start', effect.start(action)),
      find: action => told('find', effect.find(action)),
      poll: (action, handle) => told('poll', effect.poll(action, handle)),
      cancel: (action, handle) => told('cancel', effect.cancel(action, handle)),
    };
  };
}

/** The same queries. `now` is real time. */
export function meteredQueries(query: QueryData, meter: Meter, now: Clock): QueryData {
  return (connection, asked) =>
    timed(query(connection, asked), now, (result, ms) =>
      meter({ kind: 'query', connection: connection.name, result, ms }),
    );
}

async function timed<T>(
  work: Promise<T>,
  now: Clock,
  tell: (result: CallResult, ms: number) => void,
): Promise<T> {
  const began = now();
  const took = () => Math.max(0, now() - began);
  try {
    const answer = await work;
    tell('ok', took());
    return answer;
  } catch (error) {
    tell(error instanceof PortError && error.retry === 'never' ? 'refused' : 'failed', took());
    throw error;
  }
}
