/** What a reader of YAML gives: values, and where they stand in the file. Pure. */
import type { Json, Position } from '../model.ts';

/** Where values and their keys stand, as offsets into the file's text. Lists, because there are many in many documents. */
export class Spots {
  /** Dotted, in the order of the text. */
  readonly paths: string[] = [];
  private readonly values: number[] = [];
  private readonly keys: number[] = [];

  /** `key` is -1 when it has none. */
  add(path: string, value: number, key: number): void {
    this.paths.push(path);
    this.values.push(value);
    this.keys.push(key);
  }

  /** Where the value of a path begins; undefined when the path is not written. */
  value(path: string): number | undefined {
    return this.values[this.paths.indexOf(path)];
  }

  /** Where its key begins, or the value when it has none. */
  key(path: string): number | undefined {
    const key = this.keys[this.paths.indexOf(path)];
    return key === -1 ? this.value(path) : key;
  }

  /** All paths with the places of their values. */
  places(place: (offset: number) => Position): Record<string, Position> {
    const found: Record<string, Position> = {};
    for (const [i, path] of this.paths.entries()) found[path] = place(this.values[i] ?? 0);
    return found;
  }
}

/** One document: its value, and where everything in it stands by dotted path. */
export interface Marked {
  readonly value: Json;
  readonly spots: Spots;
  /** The document's own text: from its `---` or first value up to the next document. */
  readonly from: number;
  readonly to: number;
  /** Where its value begins. */
  readonly start: number;
}
