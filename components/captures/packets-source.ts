// The first packets of one capture, as its node tells them, while a page shows them: a stream, opened again when it breaks. No React.
import { capturePacketsService, parsePacketLine, type PacketLine } from '../../contract/captures.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { maxShownPackets } from '../../contract/limits.ts';
import { followLines, type LineStreamComponents } from '../../lib/line-stream.ts';

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

export function packetsPath({ cluster, node, capture }: PacketsOf): string {
  const query = new URLSearchParams({ cluster, node, args: JSON.stringify({ capture }) });
  return `${httpPaths.streams}/${capturePacketsService}?${query.toString()}`;
}

/** Calls `onState` as packets come, until the function returned is called. */
export function followPackets(
  of: PacketsOf,
  { onState }: { onState: (state: PacketsState) => void },
  components: LineStreamComponents,
): () => void {
  let state = noPackets;
  let packets: readonly PacketLine[] = [];
  const put = (next: Partial<PacketsState>): void => {
    state = { ...state, ...next };
    onState(state);
  };
  const reader = {
    parse: parsePacketLine,
    // The stream begins with the first packet each time.
    onOpen: () => {
      packets = [];
    },
    onLines: (found: readonly PacketLine[]) => {
      packets = [...packets, ...found].slice(0, maxShownPackets);
      put({ packets, error: '' });
    },
    onBroken: (error: string) => put({ error }),
    onEnded: () => put({ isOver: true, error: '' }),
  };
  return followLines(packetsPath(of), reader, components);
}
