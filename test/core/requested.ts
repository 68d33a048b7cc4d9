/** Requests of one action, as the door makes them: the closed policy by value, with the Model's limits. */
import { requestPolicyName } from '../../src/engine/records.ts';
import type { Principal, RequestAction, StepSpec } from '../../src/model.ts';
import { CHAIN, condition, DAY, doing, policyOf, RETRAIN, ruleOf } from './closed-policy.ts';

export const DAVE: Principal = { name: 'dave', door: 'cli', authenticated: true };
export const AGENT: Principal = {
  ...{ name: 'robot', door: 'mcp', authenticated: true, kind: 'agent', onBehalfOf: 'cleo' },
};

/** One rule that is always true, with one step, of a policy that observes nothing. */
export function closedRequest(
  request: string,
  step: StepSpec = RETRAIN,
  more: Parameters<typeof policyOf>[0] = {},
): RequestAction['closed'] {
  const rule = ruleOf({ ...doing([step], { name: step.verb, when: condition({ '===': [1, 1] }) }) });
  return policyOf({ policy: requestPolicyName(request), observe: {}, rules: [rule], ...more });
}

export function requestOf(
  request: string,
  at: number,
  more: {
    readonly step?: StepSpec;
    readonly by?: Principal;
    readonly closed?: Parameters<typeof policyOf>[0];
    readonly reason?: string;
  } = {},
): RequestAction {
  const { step = RETRAIN, by = DAVE, reason } = more;
  return {
    ...{ kind: 'request', what: 'action', request, verb: step.verb, target: CHAIN, args: step.args, by },
    until: at + DAY,
    closed: closedRequest(request, step, more.closed),
    ...(reason === undefined ? {} : { reason }),
  };
}
