/** Policies that do not apply to a Model, said with a reason. Pure. */
import type { Exclusion, ModelSpec } from '../model.ts';

/** The Model's exclusion from a policy; undefined when it has none. Whether it has ended is for the engine to say. */
export function exclusionOf(model: ModelSpec | undefined, policy: string): Exclusion | undefined {
  return model?.exclude?.find(one => one.policy === policy);
}
