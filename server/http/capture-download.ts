// Captures of several nodes as one file: each node sends its file over its own stream, and what goes out is their packets by time. Nothing is
// held but a piece of each.
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { captureFileService } from '../../contract/captures.ts';
import { streamOpeningMs } from '../../contract/console-limits.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxMergedCaptures, maxRangeNameLength } from '../../contract/limits.ts';
import { mergeCaptures } from '../../core/capture/pcapng.ts';
import { safeText } from '../../core/safe-text.ts';
import type { Fleet } from '../ports.ts';

export interface CaptureDownloadComponents {
  readonly fleet: Pick<Fleet, 'openStream'>;
  readonly record: (what: string, result: 'ok' | 'failed', message: string) => Promise<unknown>;
}

interface Wanted {
  readonly node: string;
  readonly id: number;
  /** Of its interface in the file. */
  readonly name: string;
}

/** @throws AppError before the first byte is sent; later the connection breaks, so that no half is taken for the whole */
export async function sendCaptures(
  query: URLSearchParams,
  response: ServerResponse,
  { fleet, record }: CaptureDownloadComponents,
): Promise<void> {
  const cluster = (query.get('cluster') ?? '').slice(0, maxRangeNameLength);
  const wanted = query.getAll('capture').map(parseWanted);
  if (wanted.length === 0) throw new AppError('invalid', 'capture: name one as node:id:name');
  if (wanted.length > maxMergedCaptures)
    throw new AppError('invalid', `capture: at most ${maxMergedCaptures} in one file`);
  const what = `download captures ${wanted.map(({ node, id }) => `${node}:${id}`).join(' ')}`;
  const giveUp = new AbortController();
  response.once('close', () => giveUp.abort());
  const streams: Duplex[] = [];
  try {
    for (const { node, id } of wanted) {
      const call = { cluster, node, service: captureFileService, args: { capture: id } };
      const stream = await fleet.openStream({ ...call, timeoutMs: streamOpeningMs, signal: giveUp.signal });
      streams.push(stream);
      stream.on('error', () => undefined);
      stream.end();
    }
    response.writeHead(200, {
      'content-type': 'application/x-pcapng',
      'content-disposition': `attachment; filename="${fileNameOf(wanted)}"`,
      'cache-control': 'no-store',
    });
    const sources = wanted.map(({ name }, index) => ({ name, bytes: streams[index] as AsyncIterable<Uint8Array> }));
    await pipeline(Readable.from(mergeCaptures(sources), { objectMode: false }), response);
    await record(what, 'ok', '');
  } catch (error) {
    await record(what, 'failed', describeError(error).slice(0, 500));
    if (!response.headersSent) throw error;
    response.destroy();
  } finally {
    for (const stream of streams) stream.destroy();
  }
}

/** @throws AppError `invalid` */
function parseWanted(text: string): Wanted {
  const [, node, id, name] = /^([^:]{1,255}):([0-9]{1,9}):(.{0,200})$/.exec(text) ?? [];
  if (node === undefined || id === undefined || safeText(text) !== text)
    throw new AppError('invalid', `capture: \`${safeText(text.slice(0, 60))}\` is not node:id:name`);
  return { node, id: Number(id), name: name === undefined || name === '' ? `${node}/${id}` : name };
}

function fileNameOf(wanted: readonly Wanted[]): string {
  const [only] = wanted;
  const name = wanted.length === 1 && only ? only.name : `${wanted.length}-captures`;
  return `${name.replaceAll(/[^A-Za-z0-9._-]+/g, '-')}.pcapng`;
}
