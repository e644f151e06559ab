// What pages read of captures: the first packets of one as lines, and the file of several. Rows of captures are the kind `captures`.
//
// The stream `capture-packets` with `{"capture":3}` gives a line for each packet, the first ones of the file and then those that come:
//
//   {"at":1700000000000.001,"source":"10.0.0.1","destination":"10.0.0.2","protocol":"ICMP","vlans":[101],"length":98,"info":"echo request, …"}
//
// and ends with the capture, or after as many as a page shows. `capture-file` gives the file's bytes as they are now, whole packets alone.

export const capturePacketsService = 'capture-packets';
export const captureFileService = 'capture-file';

export interface PacketLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly vlans: readonly number[];
  /** On the wire. */
  readonly length: number;
  readonly info: string;
}

/** Null for what is not a line of this service. No zod: pages would load it for this alone. */
export function parsePacketLine(line: string): PacketLine | null {
  try {
    const value = JSON.parse(line) as Partial<Record<keyof PacketLine, unknown>> | null;
    if (typeof value !== 'object' || value === null) return null;
    const { at, source, destination, protocol, vlans, length, info } = value;
    const areTexts = [source, destination, protocol, info].every((text) => typeof text === 'string');
    if (!areTexts || typeof at !== 'number' || typeof length !== 'number') return null;
    if (!Array.isArray(vlans) || !vlans.every((vlan) => typeof vlan === 'number')) return null;
    return value as PacketLine;
  } catch {
    return null;
  }
}
