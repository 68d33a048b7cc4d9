/** Which effect carries out a capability on a connection, and who reads what serves a model. */
import {
  type Capability,
  type Clock,
  type ConnectionSpec,
  type Effect,
  type EffectFor,
  type Labels,
  type Message,
  never,
  PortError,
  type ReadServing,
} from '../model.ts';
import { localPipeline } from './local/pipeline.ts';
import { registryPoint } from './local/registry.ts';
import { readLocalServing, servingShift } from './local/serving.ts';
import { outbox } from './outbox.ts';

/**
 * The effects of all connectors. `home` is the folder that paths of connections are relative to, `runs` where runs are
 * kept. A connection that cannot do it, or may only be read, gets an effect that refuses to start and finds nothing.
 */
export function effectsOf(options: {
  readonly home: string;
  readonly runs: string;
  readonly send: (message: Message) => Promise<void>;
  readonly hasMessage: (key: string) => Promise<boolean>;
  readonly now: Clock;
  /** The silence that mutes a message with these labels now. */
  readonly silencing?: (labels: Labels, at: number) => Promise<string | undefined>;
}): EffectFor {
  const messages = outbox(options);
  const pipeline = localPipeline(options);
  const point = registryPoint(options.home);
  const shift = servingShift(options.home);

  return (capability, connection) => {
    if (capability === 'notify.send') return messages;
    if (connection.connector !== 'local')
      return refusing(capability, connection, `it is ${connection.connector}; expected connector local`);
    if (connection.access !== 'act') return refusing(capability, connection, 'access is read; expected act');
    switch (capability) {
      case 'pipeline.run':
        return pipeline;
      case 'registry.point':
        return point;
      case 'serving.shift':
        return shift;
      default:
        return never(capability);
    }
  };
}

/** Reads what serves a model from the folders of local connections below `home`. */
export function readServingOf(home: string): ReadServing {
  return readLocalServing(home);
}

function refusing(capability: Capability, connection: ConnectionSpec, why: string): Effect {
  const message = `Connection ${connection.name} cannot do ${capability}: ${why}`;
  return {
    settleAfterMs: 0,
    pollMs: { first: 200, max: 5_000 },
    async start() {
      throw new PortError(message, { code: 'cannot', retry: 'never', subject: connection.name });
    },
    async find() {
      return { state: 'absent' };
    },
    async poll() {
      return { state: 'lost', message };
    },
    async cancel() {},
  };
}
