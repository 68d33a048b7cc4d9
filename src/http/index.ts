/** The HTTP door of a daemon, and what a daemon knows and tells of its own health. */
export type { Mount } from './doors.ts';
export { type Identify, scopeProblem } from './identify.ts';
export { type Metrics, metricsOf } from './metrics.ts';
export { withHealth } from './own-health.ts';
export { Problem } from './problem.ts';
export type { Asked, Reply, Route } from './route.ts';
