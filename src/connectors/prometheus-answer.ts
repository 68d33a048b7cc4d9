/** What Prometheus answered, as rows: every byte of it is checked, and nothing missing becomes a number. Pure. */
import { type Answer, type Json, PortError, type Row } from '../model.ts';

/** Longest piece of a server's own words in a message. */
const WORDS_MAX = 500;

/**
 * The rows of a query's answer: `{ labels, value, at }` for each sample (`at` in ms since the epoch), in the server's order;
 * no series are no rows. A value that is not a finite number stays the text that it is (`NaN`, `+Inf`). The server's
 * warnings stand beside the rows. Throws PortError `bad-answer` for text, native histograms, and what is no answer at all.
 */
export function rowsOf(data: Json | undefined, warnings: Json | undefined, connection: string): Answer {
  const { resultType, result } = mapping(data) ?? {};
  const rows = samplesOf(resultType, result, connection);
  const said = (Array.isArray(warnings) ? warnings : []).map(one => words(String(one)));
  return said.length === 0 ? rows : Object.assign([...rows], { warnings: said });
}

function samplesOf(type: Json | undefined, result: Json | undefined, connection: string): readonly Row[] {
  switch (type) {
    case 'vector':
      return list(result, connection).map(series => {
        const { metric, value } = seriesOf(series, connection);
        return sampleRow(labelsOf(metric, connection), value, connection);
      });
    case 'matrix':
      return list(result, connection).flatMap(series => {
        const { metric, values } = seriesOf(series, connection);
        const labels = labelsOf(metric, connection);
        return list(values, connection).map(value => sampleRow(labels, value, connection));
      });
    case 'scalar':
      return [sampleRow({}, result, connection)];
    case 'string':
      throw badAnswer(connection, 'the query gives text', 'a query that gives numbers');
    default:
      throw badAnswer(
        connection,
        `a result of type ${JSON.stringify(type ?? null)}`,
        'vector, scalar or matrix',
      );
  }
}

function seriesOf(series: Json, connection: string) {
  const found = mapping(series);
  if (found === undefined) throw malformed(connection);
  if ('histogram' in found || 'histograms' in found)
    throw badAnswer(
      connection,
      'the query gives native histograms',
      'numbers, by histogram_quantile or histogram_count',
    );
  return found;
}

function sampleRow(labels: Row, sample: Json | undefined, connection: string): Row {
  const [at, text] = list(sample, connection);
  if (typeof at !== 'number' || typeof text !== 'string') throw malformed(connection);
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return { labels, value: Number.isFinite(value) ? value : words(text), at: Math.round(at * 1000) };
}

/** The series' labels without its name, which is no label to people. */
function labelsOf(metric: Json | undefined, connection: string): Row {
  const found = mapping(metric);
  if (found === undefined) throw malformed(connection);
  const labels = Object.entries(found).filter(([name]) => name !== '__name__');
  if (labels.some(([, value]) => typeof value !== 'string')) throw malformed(connection);
  return Object.fromEntries(labels);
}

/** The parsed body of any answer of the API; undefined when it is not JSON with a status. */
export function envelopeOf(body: string): { readonly [key: string]: Json } | undefined {
  try {
    const found = mapping(JSON.parse(body) as Json);
    return typeof found?.status === 'string' ? found : undefined;
  } catch {
    return undefined;
  }
}

/** A server's own words as a message may hold them: on one line, short. */
export function words(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
  const line = text.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return line.length > WORDS_MAX ? `${line.slice(0, WORDS_MAX)}…` : line;
}

function mapping(value: Json | undefined): { readonly [key: string]: Json } | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json })
    : undefined;
}

function list(value: Json | undefined, connection: string): readonly Json[] {
  if (Array.isArray(value)) return value;
  throw malformed(connection);
}

function malformed(connection: string): PortError {
  return badAnswer(connection, 'an answer that is not of the Prometheus API', 'one of version 1');
}

function badAnswer(connection: string, found: string, expected: string): PortError {
  return new PortError(`connection ${connection}: ${found}; expected ${expected}.`, {
    code: 'bad-answer',
    retry: 'never',
    subject: connection,
  });
}
