/** DuckDB's values as JSON, without losing what JSON cannot say. */
import {
  DuckDBArrayValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Json } from '../model.ts';

/**
 * The value as JSON. Whole numbers become numbers when a double holds them exactly, else text; decimals numbers; NaN and
 * infinities the texts `NaN`, `Infinity`, `-Infinity`; timestamps milliseconds since the epoch, read as UTC; dates
 * `YYYY-MM-DD`; lists arrays; structs objects; maps arrays of `[key, value]`; anything else its text.
 */
export function jsonOf(value: DuckDBValue): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return timeOf(value) ?? nested(value) ?? String(value);
}

function timeOf(value: DuckDBValue): Json | undefined {
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue)
    return finiteTime(Number(value.micros) / 1e3, value);
  if (value instanceof DuckDBTimestampMillisecondsValue) return finiteTime(Number(value.millis), value);
  if (value instanceof DuckDBTimestampSecondsValue) return finiteTime(Number(value.seconds) * 1e3, value);
  if (value instanceof DuckDBTimestampNanosecondsValue) return finiteTime(Number(value.nanos) / 1e6, value);
  if (value instanceof DuckDBDateValue) return String(value);
  if (value instanceof DuckDBDecimalValue) return value.toDouble();
  return undefined;
}

/** `infinity` is a timestamp too, outside of what a Date holds. */
function finiteTime(ms: number, value: DuckDBValue): Json {
  return Math.abs(ms) <= 8.64e15 ? ms : String(value);
}

function nested(value: DuckDBValue): Json | undefined {
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(jsonOf);
  if (value instanceof DuckDBMapValue) return value.entries.map(e => [jsonOf(e.key), jsonOf(e.value)]);
  if (value instanceof DuckDBStructValue)
    return Object.fromEntries(Object.entries(value.entries).map(([key, v]) => [key, jsonOf(v)]));
  return undefined;
}
