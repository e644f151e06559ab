// The first packets of one capture, as its node tells them, while a page shows them: a stream, opened again when it breaks. No React.
import { capturePacketsService, parsePacketLine, type PacketLine } from '../../contract/captures.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { maxShownPackets } from '../../contract/limits.ts';
import { streamClose } from '../../contract/streams.ts';
import type { RatesComponents, RatesSocketEvents } from '../vms/rates-source.ts';

export interface PacketsState {
  readonly packets: readonly PacketLine[];
  /** Why nothing comes; empty while it does. */
  readonly error: string;
  /** All that is shown has come: the capture ended, or has more than a page shows. */
  readonly isOver: boolean;
}

export const noPackets: PacketsState = { packets: [], error: '', isOver: false };

export interface PacketsOf {
  readonly cluster: string;
  readonly node: string;
  readonly capture: number;
}

const firstRetryMs = 2_000;
const maxRetryMs = 30_000;
/** A line is 500 characters at most; what comes without a line's end is not from meshd. */
const maxLine = 4_096;

export function packetsPath({ cluster, node, capture }: PacketsOf): string {
  const query = new URLSearchParams({ cluster, node, args: JSON.stringify({ capture }) });
  return `${httpPaths.streams}/${capturePacketsService}?${query.toString()}`;
}

/** Calls `onState` as packets come, until the function returned is called. */
export function followPackets(
  of: PacketsOf,
  { onState }: { onState: (state: PacketsState) => void },
  { connect, after }: RatesComponents,
): () => void {
  let state = noPackets;
  let retryMs = firstRetryMs;
  let cancelRetry: (() => void) | null = null;
  let disconnect: (() => void) | null = null;
  let isOver = false;
  const put = (next: Partial<PacketsState>): void => {
    state = { ...state, ...next };
    onState(state);
  };

  const open = (): void => {
    cancelRetry = null;
    let rest = '';
    // The stream begins with the first packet each time.
    let packets: readonly PacketLine[] = [];
    const decoder = new TextDecoder();
    const message = (data: unknown): void => {
      if (!(data instanceof ArrayBuffer)) return;
      rest += decoder.decode(data, { stream: true });
      const lines = rest.split('\n');
      rest = (lines.pop() ?? '').slice(0, maxLine);
      const found = lines.flatMap((line) => parsePacketLine(line) ?? []);
      if (found.length === 0) return;
      retryMs = firstRetryMs;
      packets = [...packets, ...found].slice(0, maxShownPackets);
      put({ packets, error: '' });
    };
    const close: RatesSocketEvents['close'] = ({ code, reason }) => {
      disconnect = null;
      if (isOver) return;
      if (code === streamClose.ended) {
        put({ isOver: true, error: '' });
        return;
      }
      put({ error: reason === '' ? 'The stream broke.' : reason });
      if (code === streamClose.sessionEnded) return;
      cancelRetry = after(retryMs, open);
      retryMs = Math.min(2 * retryMs, maxRetryMs);
    };
    disconnect = connect(packetsPath(of), { message, close });
  };
  open();
  return () => {
    isOver = true;
    cancelRetry?.();
    disconnect?.();
  };
}
