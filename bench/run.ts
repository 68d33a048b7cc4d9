/** All benchmarks, as ratios against a peer or a limit in the same run. Figures are for reading; nothing fails on them. */
import { runConditionBench } from './conditions.ts';
import { runDriftBench } from './drift.ts';
import { runLedgerBench } from './ledger.ts';
import { runLoadBench } from './load.ts';
import { runMcpBench } from './mcp.ts';
import { runObservationBench } from './observations.ts';
import { runReconcileBench } from './reconcile.ts';
import { runStepBench } from './step.ts';

interface Figure {
  readonly name: string;
  readonly ratio: number;
  readonly limit?: number;
  readonly detail: string;
}

async function show(title: string, run: () => Promise<readonly Figure[]>): Promise<void> {
  process.stdout.write(`\n${title}\n`);
  for (const { name, ratio, limit, detail } of await run()) {
    const against = limit === undefined ? '' : ` (limit ${limit}×${ratio > limit ? ', EXCEEDED' : ''})`;
    process.stdout.write(`  ${ratio.toFixed(2).padStart(8)}×${against}  ${name}\n             ${detail}\n`);
  }
}

await show('conditions', runConditionBench);
await show('loading 10,000 policies', runLoadBench);
await show('step over 100,000 label sets', runStepBench);
await show('ledger', runLedgerBench);
await show('reconciling 10,000 targets', runReconcileBench);
await show('observations', async () => [await runObservationBench()]);
await show('drift over 10 million rows × 10 columns', runDriftBench);
await show('the agents’ door', runMcpBench);
