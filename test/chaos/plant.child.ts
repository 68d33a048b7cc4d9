/** The plants as a process of their own: `plant.child.ts LOGFILE` tells its parent the port and lives until that one is gone. */
import { servePlants } from './plant-server.ts';

const port = await servePlants(process.argv[2] ?? '');
process.send?.(port);
process.once('disconnect', () => process.exit(0));
