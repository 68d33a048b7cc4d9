/** What a replay leaves a person with: what fired, what was done, what was held and why, quality before and after. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { table } from '../../src/commands/time.ts';
import type { Entry } from '../../src/model.ts';
import type { Opened } from '../../src/wiring.ts';
import { dayOf } from './layout.ts';
import { literal, type Warehouse } from './warehouse.ts';

interface Version {
  readonly version: string;
  readonly from: string;
  readonly to: string;
  readonly flights: number;
  readonly log_loss: number;
  readonly auc: number;
}

/** The summary of a replay as text. */
export async function summarize(of: {
  readonly opened: Opened;
  readonly warehouse: Warehouse;
  readonly home: string;
  readonly seconds: number;
}): Promise<string> {
  const entries = await allEntries(of.opened);
  const count = (kind: Entry['body']['kind']) => entries.filter(one => one.body.kind === kind).length;
  const verified = await of.opened.store.verify();
  const versions = await qualityOf(of.warehouse, of.home);
  const effects = entries.flatMap(({ body }) => (isEffect(body) ? [body.action.verb] : []));
  const messages = await of.opened.store.messages({});
  return [
    '',
    '═══ Half a year in short ═══',
    '',
    'What fired',
    table(firedRows(entries), '  '),
    '',
    `What was done: ${counted(effects)}; ${messages.length} messages to people, ${messages.filter(one => one.severity === 'page').length} of them pages`,
    '',
    'What was held, and why',
    table(heldRows(entries), '  '),
    '',
    'Quality in service, judged by labels that came a day later',
    table(
      [
        ['version', 'from', 'to', 'flights', 'log loss', 'AUC'],
        ...versions.map(one => [
          one.version,
          one.from,
          one.to,
          one.flights.toLocaleString('en'),
          one.log_loss.toFixed(4),
          one.auc.toFixed(4),
        ]),
      ],
      '  ',
    ),
    '',
    `Ledger: ${entries.length} entries, ${verified.ok ? 'chains whole' : `ALTERED at ${verified.chain} ${verified.seq}`}; ${count('ask')} asks, ${count('intent')} intents, ${count('outcome')} outcomes. ${Math.round(of.seconds)} s.`,
    '',
    'Look around:',
    ...['status', 'explain delay-drift', 'log model/late-flights', 'ledger verify', 'approvals'].map(
      words => `  FLYBALL_HOME=${relative(process.cwd(), of.home) || '.'} npx flyball ${words}`,
    ),
  ].join('\n');
}

async function allEntries({ store }: Opened): Promise<readonly Entry[]> {
  const chains = await store.chains();
  const found = await Promise.all(chains.map(chain => store.entries({ chain })));
  return found.flat().sort((a, b) => a.at - b.at || a.seq - b.seq);
}

/** One row an episode: when, what, what came of it. */
function firedRows(entries: readonly Entry[]): string[][] {
  return entries.flatMap(({ body, at, chain, seq }) => {
    if (body.kind !== 'episode-opened') return [];
    const mine = entries.filter(
      one => one.chain === chain && 'episode' in one.body && one.body.episode === seq,
    );
    const ended = mine.find(one => one.body.kind === 'episode-ended');
    const stalled = mine.find(one => one.body.kind === 'stalled');
    const acted = mine.flatMap(one => (isEffect(one.body) ? [one.body.action.verb] : []));
    const how = [
      ...new Set(acted),
      ...(stalled?.body.kind === 'stalled' ? [`escalated (${stalled.body.reason})`] : []),
      ended?.body.kind === 'episode-ended' ? `${ended.body.how} ${dayOf(ended.at)}` : 'open',
    ];
    return [[dayOf(at), body.cause.policy, how.join(' → ')]];
  });
}

function heldRows(entries: readonly Entry[]): string[][] {
  const reasons = new Map<string, { count: number; message: string; from: number }>();
  for (const { body, at } of entries) {
    if (body.kind !== 'decision' || body.decision.outcome === 'act') continue;
    for (const hold of body.decision.holds) {
      const key = `${body.decision.policy} ${hold.reason}`;
      const known = reasons.get(key);
      reasons.set(key, {
        count: (known?.count ?? 0) + 1,
        message: known?.message ?? hold.message,
        from: known?.from ?? at,
      });
    }
  }
  return [...reasons].map(([key, { count, message, from }]) => [
    dayOf(from),
    key,
    `${count}×`,
    message.split('\n')[0]?.slice(0, 110) ?? '',
  ]);
}

/** An intent that touches the world, counted once for all phases of its step. */
function isEffect(body: Entry['body']): body is Extract<Entry['body'], { kind: 'intent' }> {
  return body.kind === 'intent' && body.action.call.capability !== 'notify.send' && body.action.phase === 0;
}

function counted(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, n]) => `${n} ${word}`).join(', ') || 'nothing';
}

function hasFiles(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some(name => name.endsWith('.parquet'));
}

/** Log loss and AUC of each version over all it served, by rank sums, from the files that the warehouse kept or dropped. */
async function qualityOf(warehouse: Warehouse, home: string): Promise<readonly Version[]> {
  const files = (kind: string) => {
    const folders = [join(home, 'data', kind), join(home, 'archive', kind)].filter(hasFiles);
    return `read_parquet([${folders.map(folder => literal(`${folder}/*.parquet`)).join(', ')}])`;
  };
  const rows = await warehouse.rows(`
    WITH judged AS (
      SELECT version, score, late, scored_at, rank() OVER (PARTITION BY version ORDER BY score) + (count(*) OVER (PARTITION BY version, score) - 1) / 2.0 AS r
      FROM ${files('predictions')} JOIN ${files('labels')} USING (flight_id)
    )
    SELECT version, strftime(min(scored_at), '%Y-%m-%d') AS "from", strftime(max(scored_at), '%Y-%m-%d') AS "to", count(*)::INTEGER AS flights,
      -avg(CASE WHEN late = 1 THEN ln(greatest(score, 1e-15)) ELSE ln(greatest(1 - score, 1e-15)) END) AS log_loss,
      (sum(r) FILTER (late = 1) - count(*) FILTER (late = 1) * (count(*) FILTER (late = 1) + 1) / 2.0)
        / (count(*) FILTER (late = 1) * count(*) FILTER (late = 0)) AS auc
    FROM judged GROUP BY version ORDER BY min(scored_at)`);
  return rows as unknown as readonly Version[];
}
