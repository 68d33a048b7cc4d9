/**
 * Floors: the least that admission adds for a verb on a target, whatever policies and Models say. They come from the daemon's own
 * configuration and are read as a fact, so that a replay needs no daemon.yaml. Pure.
 */
import { hashOf } from '../canonical.ts';
import type {
  Action,
  ClosedPolicy,
  Facts,
  Floor,
  FloorApproval,
  Hold,
  Labels,
  SequencePlan,
  Verb,
} from '../model.ts';
import { listOf } from './fact-values.ts';
import { isMessage } from './message-verbs.ts';

/** The fact that holds them, as a list. Absent: there are none. */
export const FLOORS = 'floors';
/** The fact that says how persons are proven: `tokens`, or nothing where nobody is. */
export const TRUST = 'trust';

type Documents = Pick<ClosedPolicy['documents'], 'model' | 'dataset'>;

/** What floors are asked about. */
export interface Floored {
  readonly facts: Facts;
  readonly verb: Verb;
  readonly chain: string;
  readonly plan: Pick<SequencePlan, 'documents'>;
  /** Its documents count beside those of the plan, so that neither an edit nor an old plan evades a floor. */
  readonly policy?: Pick<ClosedPolicy, 'documents'> | undefined;
}

/** The floors that bind a verb on a target, in the order in which they are written. None binds messages. */
export function floorsOn({ facts, verb, chain, plan, policy }: Floored): readonly Floor[] {
  if (isMessage(verb)) return [];
  const floors = listOf(facts, FLOORS) as unknown as readonly Floor[];
  const documents = policy ? [plan.documents, policy.documents] : [plan.documents];
  return floors.filter(
    floor =>
      (!verb.safe || floor.safe === true) &&
      (floor.verbs?.includes(verb.name) ?? true) &&
      (floor.targets?.some(glob => isNamed(chain, glob)) ?? true) &&
      documents.some(one => hasLabels(one, floor.labels ?? {})),
  );
}

/** `*` within a name, `**` over slashes as well; as in every pattern of targets. */
function isNamed(chain: string, glob: string): boolean {
  const pattern = glob
    .split('**')
    .map(part =>
      part
        .split('*')
        .map(text => text.replace(/[.+]/g, '\\$&'))
        .join('[^/]*'),
    )
    .join('.*');
  return new RegExp(`^${pattern}$`).test(chain);
}

function hasLabels({ model, dataset }: Documents, wanted: Labels): boolean {
  const labels = model?.labels ?? dataset?.labels ?? {};
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** How a floor is named in what people read. */
export function floorText(names: readonly string[]): string {
  return `${names.length === 1 ? 'floor' : 'floors'} ${names.join(', ')} of daemon.yaml`;
}

/** A ceiling of the mode, and Connections that no floor lets be acted on. */
export function heldByFloors(floors: readonly Floor[], verb: Verb, action: Action): Hold[] {
  return floors.flatMap((floor): Hold[] => {
    const { name, mode, connections } = floor;
    const { connection } = action.call;
    const isAllowed = connections?.some(pattern =>
      pattern.endsWith('*') ? connection.startsWith(pattern.slice(0, -1)) : connection === pattern,
    );
    return [
      ...(mode === 'observe'
        ? [{ reason: 'mode' as const, message: `mode is observe (${floorText([name])}): would ${verb.name}` }]
        : []),
      ...(isAllowed === false
        ? [
            {
              reason: 'floor' as const,
              message: `${floorText([name])} lets ${verb.name} act on ${connections?.join(', ')}; found connection ${connection}`,
            },
          ]
        : []),
    ];
  });
}

/** The approval that floors add together: the greatest quorum, the shortest expiry, only persons whom each of them names. */
export interface FloorsApproval extends FloorApproval {
  readonly floors: readonly string[];
}

export function approvalOfFloors(floors: readonly Floor[]): FloorsApproval | undefined {
  const asking = floors.flatMap(({ name, approval }) => (approval ? [{ name, ...approval }] : []));
  if (asking.length === 0) return undefined;
  const lists = asking.flatMap(one => (one.from ? [one.from] : []));
  const from = lists[0]?.filter(name => lists.every(list => list.includes(name)));
  const expiries = asking.flatMap(one => one.expiresMs ?? []);
  return {
    floors: asking.map(one => one.name),
    ...(from === undefined ? {} : { from }),
    quorum: Math.max(...asking.map(one => one.quorum)),
    ...(expiries.length === 0 ? {} : { expiresMs: Math.min(...expiries) }),
  };
}

/** What an action and its plan are bound to of the floors; undefined where none asks people. */
export function floorsHash(asked: Floored): string | undefined {
  const approval = approvalOfFloors(floorsOn(asked));
  if (approval === undefined) return undefined;
  const { floors: _, ...terms } = approval;
  return hashOf(terms).slice(0, 16);
}

/** Why what was said of an action is good no more: floors ask otherwise than when it was formed. */
export function raisedFloor(asked: Floored | undefined, action: Action): string | undefined {
  if (asked === undefined || action.phase > 0 || floorsHash(asked) === action.floors) return undefined;
  const now = approvalOfFloors(floorsOn(asked));
  return now === undefined
    ? 'the floor that asked people is gone'
    : `${floorText(now.floors)} asks ${now.quorum === 1 ? 'one person' : `${now.quorum} people`}${now.from ? ` of ${now.from.join(', ')}` : ''} now`;
}
