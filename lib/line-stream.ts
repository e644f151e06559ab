// A stream of a node's service that sends lines, while a page shows it: read line by line, and opened again when it breaks. No React.
import { streamClose } from '../contract/streams.ts';

export interface LineStreamComponents {
  /** Opens a WebSocket for bytes, or what a test gives; the function returned closes it. */
  readonly connect: (path: string, on: LineSocketEvents) => () => void;
  readonly after: (delayMs: number, run: () => void) => () => void;
}

export interface LineSocketEvents {
  readonly message: (data: unknown) => void;
  readonly close: (event: { readonly code: number; readonly reason: string }) => void;
}

export interface LineReader<Line> {
  /** Null: the line says nothing. */
  readonly parse: (line: string) => Line | null;
  /** The stream begins, for the first time or again. */
  readonly onOpen?: () => void;
  readonly onLines: (lines: readonly Line[]) => void;
  /** Why nothing comes. It is opened again, unless the session has ended. */
  readonly onBroken: (reason: string) => void;
  /** The service has ended it. */
  readonly onEnded?: () => void;
}

const firstRetryMs = 2_000;
const maxRetryMs = 30_000;
/** Lines are 500 characters at most; what comes without a line's end is not from meshd. */
const maxLine = 4_096;

/** Reads until the function returned is called. */
export function followLines<Line>(
  path: string,
  reader: LineReader<Line>,
  { connect, after }: LineStreamComponents,
): () => void {
  let retryMs = firstRetryMs;
  let cancelRetry: (() => void) | null = null;
  let disconnect: (() => void) | null = null;
  let isOver = false;

  const open = (): void => {
    cancelRetry = null;
    let rest = '';
    const decoder = new TextDecoder();
    reader.onOpen?.();
    const message = (data: unknown): void => {
      if (!(data instanceof ArrayBuffer)) return;
      rest += decoder.decode(data, { stream: true });
      const lines = rest.split('\n');
      rest = (lines.pop() ?? '').slice(0, maxLine);
      const found = lines.flatMap((line) => reader.parse(line) ?? []);
      if (found.length === 0) return;
      retryMs = firstRetryMs;
      reader.onLines(found);
    };
    const close: LineSocketEvents['close'] = ({ code, reason }) => {
      disconnect = null;
      if (isOver) return;
      if (code === streamClose.ended) {
        reader.onEnded?.();
        return;
      }
      reader.onBroken(reason === '' ? 'The stream broke.' : reason);
      if (code === streamClose.sessionEnded) return;
      cancelRetry = after(retryMs, open);
      retryMs = Math.min(2 * retryMs, maxRetryMs);
    };
    disconnect = connect(path, { message, close });
  };
  open();
  return () => {
    isOver = true;
    cancelRetry?.();
    disconnect?.();
  };
}

/** Of a page that a browser shows. */
export const browserLines: LineStreamComponents = {
  connect: (path, { message, close }) => {
    const socket = new WebSocket(new URL(path, window.location.href.replace(/^http/, 'ws')));
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => message(data);
    socket.onclose = close;
    return () => {
      // Browsers warn of one that is closed before it is open.
      if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
      else socket.close();
    };
  },
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
