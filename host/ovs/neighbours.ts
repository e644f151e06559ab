// Which addresses guests use, learnt from what they say themselves: ARP, and IPv6 neighbour discovery. Flows of ours copy these
// frames of taps to this process and forward them as before. Owns those flows and what was learnt; one who asks decides what
// it is worth, for a guest can say anything.
//
// The flows are left out on a bridge where others have flows or a controller: what ARP does there is theirs to decide. A guest
// that says more than `packetsAtMost` in a second is not listened to for a while.
import { describeError } from '../../contract/errors.ts';
import type { BridgeConnection, BridgeConnections } from './bridge-connections.ts';
import { encodeCopyFlows, encodeDeleteFlows, ourCookie, type PacketIn } from './openflow.ts';
import type { GuestAddresses, HostView } from './switch-host.ts';

/** A guest that boots says a dozen; a scan of a network says thousands. */
const packetsAtMost = 100;
const quietMs = 30_000;
/** MACs of one tap that are remembered: a guest has one, a router in a guest some. */
const macsAtMost = 16;

export interface Said {
  readonly mac: string;
  readonly ip: string;
}

export interface NeighboursOptions {
  readonly connections: BridgeConnections;
  readonly log: (level: 'info' | 'warn', text: string) => void;
  readonly onLearnt: (tap: string) => void;
}

interface Listening {
  /** Tap by OpenFlow number: their flows are in place. */
  readonly taps: Map<number, string>;
  /** Null until the bridge's flows were looked at. */
  isAllowed: boolean | null;
}

export class Neighbours {
  private readonly options: NeighboursOptions;
  private readonly listening = new WeakMap<BridgeConnection, Listening>();
  private readonly learnt = new Map<string, Map<string, GuestAddresses>>();
  /** Of every tap that was ever heard. */
  private readonly counts = new Map<string, { second: number; packets: number }>();
  private readonly quietUntil = new Map<string, number>();
  private last: { readonly view: HostView; readonly taps: ReadonlySet<string> } | null = null;

  constructor(options: NeighboursOptions) {
    this.options = options;
    options.connections.onPacketIn = (bridge, packet) => this.take(bridge, packet);
  }

  /** Addresses that a MAC behind this tap said were its own; empty for none. */
  addressesOf(tap: string, mac: string): GuestAddresses {
    return this.learnt.get(tap)?.get(mac.toLowerCase()) ?? { ip4: '', ip6: '' };
  }

  /** Listens to these taps and no others. Called after each change of the switch. */
  listen(view: HostView, taps: ReadonlySet<string>): void {
    this.last = { view, taps };
    for (const tap of this.counts.keys()) if (!taps.has(tap)) this.forget(tap);
    const byBridge = new Map<string, Heard[]>();
    for (const { bridge, interfaces, ofports } of view.ports.values()) {
      const heard = interfaces.flatMap((name, at) => {
        const ofport = ofports[at] ?? 0;
        return taps.has(name) && ofport > 0 ? [{ name, ofport }] : [];
      });
      byBridge.set(bridge, [...(byBridge.get(bridge) ?? []), ...heard]);
    }
    for (const [name, bridge] of view.bridges) {
      const connection = this.options.connections.get(name);
      if (connection)
        void this.listenOn(connection, { name, isStandalone: bridge.isStandalone, ports: byBridge.get(name) ?? [] });
    }
  }

  /** Takes our flows away. */
  stop(): void {
    if (!this.last) return;
    for (const name of this.last.view.bridges.keys())
      this.options.connections.get(name)?.send((xid) => encodeDeleteFlows(xid));
    this.last = null;
  }

  private forget(tap: string): void {
    this.learnt.delete(tap);
    this.counts.delete(tap);
    this.quietUntil.delete(tap);
  }

  private async listenOn(
    connection: BridgeConnection,
    bridge: { readonly name: string; readonly isStandalone: boolean; readonly ports: readonly Heard[] },
  ): Promise<void> {
    let listening = this.listening.get(connection);
    if (!listening) {
      if (bridge.ports.length === 0) return;
      listening = { taps: new Map(), isAllowed: null };
      this.listening.set(connection, listening);
      try {
        // Of a daemon that was killed.
        connection.send((xid) => encodeDeleteFlows(xid));
        const flows = await connection.countFlows();
        listening.isAllowed = bridge.isStandalone && flows <= 1;
        if (!listening.isAllowed)
          this.options.log(
            'info',
            `${bridge.name} has flows or a controller of others: addresses of guests are not learnt there`,
          );
      } catch (error) {
        this.options.log('warn', `addresses of guests on ${bridge.name} are not learnt: ${describeError(error)}`);
        this.listening.delete(connection);
        this.againLater();
        return;
      }
      // What changed meanwhile comes with the newest view.
      this.again();
      return;
    }
    if (!listening.isAllowed) return;
    const now = performance.now();
    const wanted = new Map(
      bridge.ports
        .filter(({ name }) => (this.quietUntil.get(name) ?? 0) <= now)
        .map(({ name, ofport }) => [ofport, name] as const),
    );
    for (const [ofport, tap] of listening.taps) {
      if (wanted.get(ofport) === tap) continue;
      connection.send((xid) => encodeDeleteFlows(xid, ofport));
      listening.taps.delete(ofport);
    }
    for (const [ofport, tap] of wanted) {
      if (listening.taps.has(ofport)) continue;
      connection.send((xid) => encodeCopyFlows(xid, ofport));
      listening.taps.set(ofport, tap);
    }
  }

  private again(): void {
    if (this.last) this.listen(this.last.view, this.last.taps);
  }

  private againLater(): void {
    setTimeout(() => this.again(), quietMs).unref();
  }

  private take(bridge: string, { inPort, cookie, frame }: PacketIn): void {
    const connection = this.options.connections.get(bridge);
    if (cookie !== ourCookie || !connection) return;
    const tap = this.listening.get(connection)?.taps.get(inPort);
    if (tap === undefined) return;
    if (this.isTooMuch(tap)) {
      this.options.log(
        'warn',
        `the guest on ${tap} sends more than ${packetsAtMost} ARP or neighbour messages in a second: its addresses are not learnt for ${quietMs / 1_000} s`,
      );
      this.quietUntil.set(tap, performance.now() + quietMs);
      this.again();
      this.againLater();
      return;
    }
    const said = parseSaid(frame);
    if (!said) return;
    const macs = this.learnt.get(tap) ?? new Map<string, { ip4: string; ip6: string }>();
    const known = macs.get(said.mac) ?? { ip4: '', ip6: '' };
    const next = said.ip.includes(':')
      ? { ...known, ip6: preferGlobal(known.ip6, said.ip) }
      : { ...known, ip4: said.ip };
    if (next.ip4 === known.ip4 && next.ip6 === known.ip6) return;
    if (!macs.has(said.mac) && macs.size >= macsAtMost) return;
    macs.set(said.mac, next);
    this.learnt.set(tap, macs);
    this.options.onLearnt(tap);
  }

  private isTooMuch(tap: string): boolean {
    const second = Math.floor(performance.now() / 1_000);
    const before = this.counts.get(tap);
    const count = before?.second === second ? before : { second, packets: 0 };
    count.packets += 1;
    this.counts.set(tap, count);
    return count.packets > packetsAtMost;
  }
}

/** A tap, with its number in its bridge. */
interface Heard {
  readonly name: string;
  readonly ofport: number;
}

/** A guest's link-local address comes first and says little. */
const preferGlobal = (known: string, said: string) => (known !== '' && said.startsWith('fe80:') ? known : said);

const readMac = (bytes: Buffer, at: number) =>
  [...bytes.subarray(at, at + 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
const readIp4 = (bytes: Buffer, at: number) => [...bytes.subarray(at, at + 4)].join('.');

/** As RFC 5952 writes it. */
function readIp6(bytes: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(at + 2 * index).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/**
 * What a frame says about its sender's address: ARP (RFC 826), neighbour discovery (RFC 4861, 4.3 and 4.4). Null for nothing, as of a frame
 * with a tag.
 */
export function parseSaid(frame: Buffer): Said | null {
  const at = 14;
  if (frame.length < at) return null;
  const type = frame.readUInt16BE(12);
  if (type === 0x0806) {
    const isEthernetAndIp4 =
      frame.length >= at + 28 && frame.readUInt32BE(at) === 0x0001_0800 && frame.readUInt16BE(at + 4) === 0x0604;
    if (!isEthernetAndIp4) return null;
    const ip = readIp4(frame, at + 14);
    // A probe asks whether an address is free (RFC 5227): it is not the sender's yet.
    return ip === '0.0.0.0' ? null : { mac: readMac(frame, at + 8), ip };
  }
  if (type !== 0x86dd || frame.length < at + 64 || frame.readUInt8(at + 6) !== 58) return null;
  const message = frame.readUInt8(at + 40);
  const source = readIp6(frame, at + 8);
  const target = readIp6(frame, at + 48);
  const ip = message === 136 || source === '::' ? target : source;
  return (message === 135 || message === 136) && !ip.startsWith('ff') ? { mac: readMac(frame, 6), ip } : null;
}
