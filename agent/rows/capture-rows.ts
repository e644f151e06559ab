// Source of the kind `captures`: those of this node.
import { captures, type CaptureRow } from '../../contract/cluster-kinds.ts';
import { maxFactCharacters, maxRangeNameLength, maxRowFileNameCharacters } from '../../contract/limits.ts';
import type { CaptureRecord } from '../../core/capture/record.ts';
import type { Captures } from '../capture/captures.ts';
import type { RowSource } from './source.ts';

/** Cuts a text to the length that others accept: a longer one would hide the whole row. */
const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const short = (text: string) => cut(text, maxRangeNameLength);

export function captureRow(node: string, record: CaptureRecord): CaptureRow {
  return {
    Node: node,
    Id: record.id,
    Namespace: record.namespace,
    Kind: record.kind,
    State: record.state,
    Reason: cut(record.reason, maxFactCharacters),
    Bridge: short(record.bridge),
    Vm: short(record.vm?.name ?? ''),
    VmId: record.vm?.id ?? -1,
    Nic: record.vm?.nic ?? -1,
    Target: cut(record.target, maxRowFileNameCharacters),
    HasPackets: record.kind === 'pcap',
    Filter: cut(record.filter, maxFactCharacters),
    By: short(record.by),
    Started: record.startedAtMs,
    Ended: record.endedAtMs,
    Packets: record.packets,
    Bytes: record.bytes,
    Dropped: record.dropped,
    MaxBytes: record.maxBytes,
    MaxSeconds: record.maxSeconds,
  };
}

export function captureSource(node: string, local: Pick<Captures, 'list' | 'onChange'>): RowSource {
  return {
    kind: captures,
    start: (sink) => {
      for (const record of local.list(null)) sink.put(captureRow(node, record));
      return local.onChange((changed, gone) => {
        for (const id of gone) sink.drop(`${node} ${id}`);
        for (const record of changed) sink.put(captureRow(node, record));
      });
    },
  };
}
