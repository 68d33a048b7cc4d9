/** The HTTP door of a daemon, and what a daemon knows and tells of its own health. */
export { type Door, openDoor, plain, type Reply, type Routes } from './door.ts';
export { type Metrics, metricsOf } from './metrics.ts';
export { withHealth } from './own-health.ts';
export { healthRoutes } from './routes.ts';
