/** The model registry of the example: a folder a version, each with its model, its card and the holdout it was judged on. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Classifier } from './classifier.ts';
import { checkedVersion, layout } from './layout.ts';
import type { Metrics } from './metrics.ts';
import { writeJson } from './warehouse.ts';

/** What is known about a version: enough to count its training rows again and to see what was wrong with it. */
export interface ModelCard {
  readonly model: string;
  readonly version: string;
  /** The end of the training window: a run is given no clock. */
  readonly created: string;
  /** The version in service when this one was trained; null for the first. */
  readonly parent: string | null;
  /** Half open; `to` is where the landed flights ended. `missing`: days in between that had not landed. */
  readonly trained: { readonly from: string; readonly to: string; readonly missing: readonly string[] };
  readonly slice: {
    readonly focus: unknown;
    readonly only: unknown;
    readonly rest: number;
    readonly seed: string;
    readonly sql: string;
  };
  readonly rows: {
    readonly used: number;
    readonly focus: number;
    readonly rest: number;
    /** How many rows there were to choose from, the holdout left out. */
    readonly population: { readonly focus: number; readonly others: number };
    readonly holdout: number;
  };
  /** Gives `focus`, `rest`, `focus_population`, `others_population`, `holdout`; run it in the state folder. */
  readonly countingSql: string;
  readonly holdout: {
    readonly rule: string;
    readonly from: string;
    readonly to: string;
    readonly metrics: Metrics;
  };
  readonly features: readonly string[];
  /** Hash of the rows used, whatever their order. */
  readonly dataHash: string;
  readonly trainedInMs: number;
  /** Present only when a fault was injected into the run. */
  readonly injected?: string;
  /** The key of the effect that the run was. */
  readonly key?: string;
}

/** A new version name with its folder, never given twice: creating the folder is the claim. */
export async function claimVersion(root: string): Promise<string> {
  const { registry } = layout(root);
  await mkdir(registry, { recursive: true });
  for (let number = (await newestNumber(registry)) + 1; ; number++) {
    try {
      await mkdir(join(registry, `v${number}`));
      return `v${number}`;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    }
  }
}

/** Writes a version. The card comes last: a folder without one is an unfinished run. */
export async function writeVersion(root: string, card: ModelCard, model: Classifier): Promise<void> {
  const folder = layout(root).version(card.version);
  await writeJson(join(folder, 'model.json'), model);
  await writeJson(join(folder, 'card.json'), card);
}

/** The model of a finished version. Throws when there is none. */
export async function readModel(root: string, version: string): Promise<Classifier> {
  return readJson<Classifier>(join(layout(root).version(version), 'model.json'), version);
}

/** The card of a finished version. Throws when there is none. */
export async function readCard(root: string, version: string): Promise<ModelCard> {
  return readJson<ModelCard>(join(layout(root).version(version), 'card.json'), version);
}

/** The version that the registry calls champion, or null. */
export async function readChampion(root: string): Promise<string | null> {
  const text = await readFile(layout(root).champion, 'utf8').catch(() => null);
  return text === null ? null : checkedVersion((JSON.parse(text) as { readonly version: unknown }).version);
}

async function newestNumber(registry: string): Promise<number> {
  const numbers = (await readdir(registry)).map(name => Number(/^v(\d+)$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

async function readJson<T>(path: string, version: string): Promise<T> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Error(`registry: no finished version ${version}; expected ${path}`, { cause });
  });
  return JSON.parse(text) as T;
}
