// A file on a web server, as it comes, from its begin or from where an earlier try broke. Redirects are followed, within the web only.
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { AppError, describeError } from '../contract/errors.ts';

export interface Download {
  /** Of the whole file. */
  readonly bytes: number;
  /** By what the server knows this version of the file again (RFC 9110, 13.1.5); null: it cannot continue one. */
  readonly validator: string | null;
  /** Ends with an error when nothing comes for a minute. */
  readonly body: Readable;
}

/** What is still missing of a file: its bytes from `from` on. */
export interface Rest {
  readonly from: number;
  readonly validator: string;
}

/** @throws AppError that says what the server said, or why it was not reached; `conflict` where the file is another one than at first */
export type OpenDownload = (
  url: URL,
  options: { readonly signal: AbortSignal; readonly rest?: Rest },
) => Promise<Download>;

const headersMs = 30_000;
const silentMs = 60_000;
const maxRedirects = 5;

export const openDownload: OpenDownload = async (first, { signal, rest }) => {
  let url = first;
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await ask(url, signal, rest);
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      const next = URL.parse(location, url.href);
      if (!next || (next.protocol !== 'http:' && next.protocol !== 'https:')) {
        throw new AppError('refused', `${url.host} leads to an address that is not of the web`);
      }
      url = next;
      continue;
    }
    return downloadOf(response, url, rest);
  }
  throw new AppError('refused', `${first.host} leads from one address to the next more than ${maxRedirects} times`);
};

async function ask(url: URL, signal: AbortSignal, rest: Rest | undefined): Promise<Response> {
  const patience = AbortSignal.timeout(headersMs);
  // The signal ends the body too, and patience only the wait for its beginning.
  const giveUp = new AbortController();
  const onAbort = () => giveUp.abort(signal.aborted ? signal.reason : patience.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  patience.addEventListener('abort', onAbort, { once: true });
  try {
    // Compressed on the way it would have another length than it says.
    const headers = {
      'accept-encoding': 'identity',
      'user-agent': 'meshd',
      ...(rest && { range: `bytes=${rest.from}-`, 'if-range': rest.validator }),
    };
    return await fetch(url, { redirect: 'manual', headers, signal: giveUp.signal });
  } catch (error) {
    signal.throwIfAborted();
    if (patience.aborted) throw new AppError('timeout', `${url.host} did not answer within ${headersMs / 1000} s`);
    throw new AppError('unreachable', `${url.host}: ${describeCause(error)}`, { cause: error });
  } finally {
    patience.removeEventListener('abort', onAbort);
  }
}

async function downloadOf(response: Response, url: URL, rest: Rest | undefined): Promise<Download> {
  const refuse = async (text: string, code: 'refused' | 'conflict' = 'refused') => {
    await response.body?.cancel();
    return new AppError(code, text);
  };
  // With If-Range, a whole file means that it is not the one of before.
  if (rest && response.status === 200) {
    throw await refuse(`${url.host} has another file at this address now: download it again`, 'conflict');
  }
  if (response.status !== (rest ? 206 : 200)) {
    throw await refuse(`${url.host} answers ${response.status} ${response.statusText}`);
  }
  const length = rest
    ? wholeLength(response.headers.get('content-range') ?? '', rest.from)
    : (response.headers.get('content-length') ?? '');
  if (!/^[1-9]\d{0,15}$/.test(length)) throw await refuse(`${url.host} does not say how large the file is`);
  const encoding = response.headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    throw await refuse(`${url.host} sends the file compressed, although it was asked not to`);
  if (!response.body) throw new AppError('failed', `${url.host} sent nothing`);
  // The same stream under the name that Node's types have for it.
  const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
  watchSilence(body, url.host);
  return { bytes: Number(length), validator: validatorOf(response), body };
}

/** Of `bytes 100-199/200`; empty unless it ends the file and begins where it was asked to. */
function wholeLength(range: string, from: number): string {
  const [, first, last, whole] = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(range) ?? [];
  return Number(first) === from && Number(last) + 1 === Number(whole) ? (whole ?? '') : '';
}

/** A strong entity tag. A date says too little: two versions may be of one second. */
function validatorOf({ headers }: Response): string | null {
  const tag = headers.get('etag') ?? '';
  return /^"[^"]{1,200}"$/.test(tag) ? tag : null;
}

/** Also while nobody reads: who writes to a slow disk takes less than a minute for a piece. */
function watchSilence(body: Readable, host: string): void {
  const onSilence = () => {
    body.destroy(new AppError('timeout', `${host} sent nothing for ${silentMs / 1000} s`));
  };
  let timer = setTimeout(onSilence, silentMs);
  const end = () => clearTimeout(timer);
  body.on('close', end);
  const push = body.push.bind(body);
  body.push = (...piece: Parameters<typeof push>) => {
    clearTimeout(timer);
    timer = setTimeout(onSilence, silentMs);
    return push(...piece);
  };
}

/** What fetch itself says is `fetch failed`. */
function describeCause(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? describeError(error.cause) : describeError(error);
}
