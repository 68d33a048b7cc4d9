import { writeFileSync } from 'node:fs';

writeFileSync(process.env.FLYBALL_RESULT, JSON.stringify({ loss: 0.2 }));
