// What a VM takes of its node, second by second, while a page shows it: a stream of its node, opened again when it breaks. Holds the last five
// minutes; no React.
import { httpPaths } from '../../contract/http-paths.ts';
import { streamClose } from '../../contract/streams.ts';
import { parseSample, vmRatesService, type VmSample } from '../../contract/vm-rates.ts';

export interface RatesState {
  readonly samples: readonly VmSample[];
  /** Why nothing comes; empty while it does. */
  readonly error: string;
}

export interface RatesComponents {
  /** Opens a WebSocket for bytes, or what a test gives; the function returned closes it. */
  readonly connect: (path: string, on: RatesSocketEvents) => () => void;
  readonly after: (delayMs: number, run: () => void) => () => void;
}

export interface RatesSocketEvents {
  readonly message: (data: unknown) => void;
  readonly close: (event: { readonly code: number; readonly reason: string }) => void;
}

export interface RatesOf {
  readonly cluster: string;
  readonly node: string;
  readonly vm: number;
}

const keptSamples = 300;
const firstRetryMs = 2_000;
const maxRetryMs = 30_000;
/** A line is 100 characters; what comes without a line's end is not from meshd. */
const maxLine = 4_096;

export function ratesPath({ cluster, node, vm }: RatesOf): string {
  const query = new URLSearchParams({ cluster, node, args: JSON.stringify({ vm }) });
  return `${httpPaths.streams}/${vmRatesService}?${query.toString()}`;
}

/** Calls `onState` with each sample, until the function returned is called. */
export function followRates(
  of: RatesOf,
  { onState }: { onState: (state: RatesState) => void },
  { connect, after }: RatesComponents,
): () => void {
  let state: RatesState = { samples: [], error: '' };
  let retryMs = firstRetryMs;
  let cancelRetry: (() => void) | null = null;
  let disconnect: (() => void) | null = null;
  let isOver = false;
  const put = (next: Partial<RatesState>): void => {
    state = { ...state, ...next };
    onState(state);
  };

  const open = (): void => {
    cancelRetry = null;
    let rest = '';
    const decoder = new TextDecoder();
    const message = (data: unknown): void => {
      if (!(data instanceof ArrayBuffer)) return;
      rest += decoder.decode(data, { stream: true });
      const lines = rest.split('\n');
      rest = (lines.pop() ?? '').slice(0, maxLine);
      const found = lines.flatMap((line) => parseSample(line) ?? []);
      if (found.length === 0) return;
      retryMs = firstRetryMs;
      put({ samples: [...state.samples, ...found].slice(-keptSamples), error: '' });
    };
    const close: RatesSocketEvents['close'] = ({ code, reason }) => {
      disconnect = null;
      if (isOver) return;
      // The service has ended it: the VM is gone, which its page says.
      if (code === streamClose.ended) return;
      put({ error: reason === '' ? 'The stream broke.' : reason });
      if (code === streamClose.sessionEnded) return;
      cancelRetry = after(retryMs, open);
      retryMs = Math.min(2 * retryMs, maxRetryMs);
    };
    disconnect = connect(ratesPath(of), { message, close });
  };
  open();
  return () => {
    isOver = true;
    cancelRetry?.();
    disconnect?.();
  };
}

/** Of a page that a browser shows. */
export const browserRates: RatesComponents = {
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
