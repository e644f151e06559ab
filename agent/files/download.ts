// Files that this node downloads from a URL. One whose connection breaks continues where it was, if the server can; one that fails leaves nothing.
import type { Readable } from 'node:stream';
import { AppError, describeError, type ErrorCode } from '../../contract/errors.ts';
import { maxFileBytes } from '../../contract/limits.ts';
import type { Uploaded } from '../../contract/uploads.ts';
import { baseOf, parseFileName } from '../../core/files/file-name.ts';
import type { Download, OpenDownload } from '../../host/download.ts';
import type { PartFile } from '../../host/images/image-store.ts';
import type { FetchStatus } from './fetch.ts';
import type { Incoming, Wanted } from './incoming.ts';

/** A day: a slow mirror and a large image. */
const mostMs = 24 * 3600_000;
/** What is written at a time. */
const pieceBytes = 1024 * 1024;
/** Breaks in a row with nothing new between them; before each next try it waits twice as long, from one second on. */
const maxBreaks = 6;
const firstPauseMs = 1_000;
/** Errors of a server or network that may be over in a moment. */
const passing: ReadonlySet<string> = new Set<ErrorCode>(['unreachable', 'timeout']);

export interface DownloadRequest {
  readonly url: string;
  /** Empty: the last part of the URL. */
  readonly name: string;
  readonly mayReplace: boolean;
  /** It continues when who asked for it is gone. */
  readonly isBackground: boolean;
}

export interface DownloadOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (status: FetchStatus) => void;
}

export class Downloads {
  private readonly open: OpenDownload;
  private readonly incoming: Incoming;
  private readonly stopping = new AbortController();

  constructor({ open, incoming }: { open: OpenDownload; incoming: Incoming }) {
    this.open = open;
    this.incoming = incoming;
  }

  stop(): void {
    this.stopping.abort(new AppError('cancelled', 'this meshd is stopping'));
  }

  /**
   * Resolves once the server sends, with a promise of the end.
   * @throws AppError: what is wrong with the URL, its server, the file or the room for it; nothing is left then
   */
  async begin(request: DownloadRequest, options: DownloadOptions): Promise<{ readonly ended: Promise<Uploaded> }> {
    const url = parseUrl(request.url);
    const name = nameOf(request.name === '' ? lastPart(url) : request.name);
    const own = [this.stopping.signal, AbortSignal.timeout(mostMs)];
    const signal = AbortSignal.any(request.isBackground ? own : [options.signal, ...own]);
    const begun = Promise.withResolvers<undefined>();
    const ended = this.incoming.during(name, async () => {
      await this.incoming.assertMay({ name, mayReplace: request.mayReplace });
      const download = await this.open(url, { signal });
      begun.resolve(undefined);
      return this.take({ name, mayReplace: request.mayReplace }, { url, download }, { ...options, signal });
    });
    ended.catch((error: unknown) => begun.reject(error));
    await begun.promise;
    if (request.isBackground) ended.catch((error: unknown) => this.incoming.failed(name, describeError(error)));
    return { ended };
  }

  private async take(
    wanted: Wanted,
    { url, download }: { url: URL; download: Download },
    { signal, onProgress }: DownloadOptions,
  ): Promise<Uploaded> {
    const { name } = wanted;
    const { bytes } = download;
    let part: PartFile | null = null;
    try {
      if (bytes > maxFileBytes) throw new AppError('refused', `${name} has ${bytes} bytes; at most ${maxFileBytes}`);
      await this.incoming.assertRoom(name, bytes);
      part = await this.openPart(name, bytes);
      await this.receive(name, part, { url, first: download, signal, onProgress });
      return await this.incoming.finish({ ...wanted, use: null }, part, { expected: null, signal });
    } catch (error) {
      await part?.discard().catch(() => undefined);
      signal.throwIfAborted();
      throw error instanceof AppError ? error : new AppError('failed', `${name}: ${describeError(error)}`);
    } finally {
      download.body.destroy();
    }
  }

  /** A fresh one: bytes of an earlier try may be of another file. */
  private async openPart(name: string, bytes: number): Promise<PartFile> {
    const { store } = this.incoming.components;
    const journal = JSON.stringify({ download: 1, bytes });
    if ((await store.readJournal(name).catch(() => null)) !== null) {
      await (await store.openPart(name, { bytes: 0, journal })).discard();
    }
    return store.openPart(name, { bytes, journal });
  }

  /** @throws what ended the download permanently: its server, the disk, a cancel */
  private async receive(
    name: string,
    part: PartFile,
    { url, first, signal, onProgress }: DownloadOptions & { url: URL; first: Download },
  ): Promise<void> {
    const { bytes } = part;
    const { validator } = first;
    const onWritten = (doneBytes: number) => onProgress(this.incoming.tell(name, 'fetching', { bytes, doneBytes }));
    let from = 0;
    let body: Readable | null = first.body;
    let broke: unknown = null;
    for (let breaks = 1; ; breaks += 1) {
      if (body) {
        const result = await this.write(name, part, { body, from, onWritten });
        body.destroy();
        if (result.broke === null) return;
        if (result.at > from) breaks = 1;
        ({ at: from, broke } = result);
      }
      if (validator === null || breaks > maxBreaks) throw broke;
      await this.pause(firstPauseMs * 2 ** (breaks - 1), signal);
      try {
        ({ body } = await this.open(url, { signal, rest: { from, validator } }));
      } catch (error) {
        if (!(error instanceof AppError && passing.has(error.code))) throw error;
        body = null;
        broke = error;
      }
    }
  }

  private pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        timer.cancel();
        reject(signal.reason as Error);
      };
      const timer = this.incoming.components.clock.after(ms, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Until the body ends or breaks. @returns how far the file is on disk, and why it is not further; null: it is whole */
  private async write(
    name: string,
    part: PartFile,
    { body, from, onWritten }: { body: AsyncIterable<Uint8Array>; from: number; onWritten: (at: number) => void },
  ): Promise<{ at: number; broke: unknown }> {
    const { bytes } = part;
    let at = from;
    let pieces: Uint8Array[] = [];
    let waiting = 0;
    const flush = async () => {
      const data = Buffer.concat(pieces);
      pieces = [];
      waiting = 0;
      if (at + data.length > bytes) throw new AppError('failed', `${name}: the server sends more than it said`);
      await part.write(at, data);
      at += data.length;
      onWritten(at);
    };
    let broke: unknown = null;
    const source = body[Symbol.asyncIterator]();
    const next = () =>
      source.next().catch((error: unknown) => {
        broke = error;
        return { done: true } as const;
      });
    for (let piece = await next(); !piece.done; piece = await next()) {
      pieces.push(piece.value);
      waiting += piece.value.length;
      if (waiting >= pieceBytes) await flush();
    }
    if (waiting > 0) await flush();
    if (at === bytes) return { at, broke: null };
    return { at, broke: broke ?? new AppError('failed', `${name}: the server sent ${at} of ${bytes} bytes`) };
  }
}

/** @throws AppError `invalid` */
function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new AppError('invalid', `\`${text.slice(0, 80)}\`: a URL that begins with http:// or https://`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new AppError('invalid', 'a URL with a password would be in the history of this node: leave it out');
  }
  return url;
}

function lastPart(url: URL): string {
  const part = baseOf(url.pathname);
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @throws AppError `invalid` */
function nameOf(text: string): string {
  const name = parseFileName(text);
  if (!name.ok) throw new AppError('invalid', name.message);
  if (name.name === '') throw new AppError('invalid', 'the URL ends without a file name: say one');
  return name.name;
}
