'use client';
// The first packets of a capture, a line each, as they come.
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { PacketLine } from '../../contract/captures.ts';
import { maxShownPackets } from '../../contract/limits.ts';
import { safeText } from '../../core/safe-text.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Cell, HeaderCell, Table } from '../ui/Table.tsx';
import { browserLines, type LineStreamComponents } from '../../lib/line-stream.ts';
import type { CaptureLine } from './capture-line.ts';
import { followPackets, noPackets } from './packets-source.ts';

export interface PacketTableProps {
  readonly line: CaptureLine;
  /** For tests; otherwise a WebSocket of the page. */
  readonly components?: LineStreamComponents;
}

export function PacketTable({ line, components = browserLines }: PacketTableProps): ReactElement {
  const cluster = useCluster()?.Id ?? '';
  const refusal = useRefusal('operator');
  const { node, capture } = line;
  const [{ packets, error, isOver }, setState] = useState(noPackets);
  useEffect(() => {
    if (cluster === '' || refusal !== '') return;
    setState(noPackets);
    return followPackets({ cluster, node, capture: capture.Id }, { onState: setState }, components);
  }, [cluster, node, capture.Id, refusal, components]);
  if (refusal !== '') return <p className="px-4 py-3 text-fg-2 md:px-6">{refusal}</p>;
  const first = packets[0]?.at ?? 0;
  const rest = Math.max(0, capture.Packets - packets.length);
  return (
    <>
      {error === '' ? null : (
        <div className="px-4 py-2 md:px-6">
          <Notice state="warn">{error} It is tried again.</Notice>
        </div>
      )}
      {packets.length === 0 ? (
        <p className="px-4 py-3 text-fg-2 md:px-6">
          {isOver || capture.State !== 'running' ? 'It has no packets.' : 'No packet yet. They show here as they come.'}
        </p>
      ) : (
        <div className="min-h-0 flex-1 scroller" role="group" aria-label="Packets" tabIndex={0}>
          <Table isPage>
            <thead>
              <tr>
                <HeaderCell isNumber>Seconds</HeaderCell>
                <HeaderCell>Source</HeaderCell>
                <HeaderCell>Destination</HeaderCell>
                <HeaderCell>Protocol</HeaderCell>
                <HeaderCell isNumber>VLAN</HeaderCell>
                <HeaderCell isNumber>Bytes</HeaderCell>
                <HeaderCell>Says</HeaderCell>
              </tr>
            </thead>
            <tbody>
              {packets.map((packet, index) => (
                <Packet key={index} packet={packet} first={first} />
              ))}
            </tbody>
          </Table>
          {rest > 0 && (packets.length >= maxShownPackets || isOver) ? (
            <p className="px-4 py-2 text-sm text-fg-3 md:px-6">
              The first {packets.length}. {rest} more are in the file: download it.
            </p>
          ) : null}
        </div>
      )}
    </>
  );
}

function Packet({ packet, first }: { packet: PacketLine; first: number }): ReactElement {
  return (
    <tr className="hover:bg-surface-2">
      <Cell isNumber title={new Date(packet.at).toISOString()}>
        {((packet.at - first) / 1_000).toFixed(6)}
      </Cell>
      <Cell isMono className="whitespace-nowrap">
        {safeText(packet.source)}
      </Cell>
      <Cell isMono className="whitespace-nowrap">
        {safeText(packet.destination)}
      </Cell>
      <Cell>{safeText(packet.protocol)}</Cell>
      <Cell isNumber>{packet.vlans.length === 0 ? <span className="text-fg-3">–</span> : packet.vlans.join('.')}</Cell>
      <Cell isNumber>{packet.length}</Cell>
      <Cell className="min-w-60 break-words">{safeText(packet.info)}</Cell>
    </tr>
  );
}
