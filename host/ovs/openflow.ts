// What meshd says to a bridge of Open vSwitch in OpenFlow 1.3 (ONF TS-006, wire version 4) and reads from it: no more than a copy of
// some guests' frames needs, and a probe's own frames (openflow-probe.ts). Encoding and decoding only; bridge-connections.ts and
// probe-connection.ts have the sockets.
//
//   HELLO <-> HELLO, FEATURES_REQUEST -> FEATURES_REPLY, SET_CONFIG ->, FLOW_MOD ->, BARRIER_REQUEST -> BARRIER_REPLY,
//   MULTIPART_REQUEST (aggregate) -> MULTIPART_REPLY, <- PACKET_IN, PACKET_OUT ->, ECHO_REQUEST <-> ECHO_REPLY, <- ERROR
import { AppError } from '../../contract/errors.ts';

const version = 4;
export const messageTypes = {
  hello: 0,
  error: 1,
  echoRequest: 2,
  echoReply: 3,
  experimenter: 4,
  featuresRequest: 5,
  featuresReply: 6,
  setConfig: 9,
  packetIn: 10,
  packetOut: 13,
  flowMod: 14,
  multipartRequest: 18,
  multipartReply: 19,
  barrierRequest: 20,
  barrierReply: 21,
} as const;

const headerBytes = 8;
export const noBuffer = 0xffff_ffff;
const anyPort = 0xffff_ffff;
export const controllerPort = 0xffff_fffd;
const normalPort = 0xffff_fffa;
const allTables = 0xff;
const flowStats = 1;
const aggregateStats = 2;
/** Another part of the same answer follows. */
const hasMore = 1;

/** Marks our flows: "meshdeck". */
export const ourCookie = 0x6d65_7368_6465_636bn;
/** Those of a probe, for its seconds: "meshprob". */
export const probeCookie = 0x6d65_7368_7072_6f62n;
const wholeCookie = 0xffff_ffff_ffff_ffffn;
/** Above the bridge's own flow, which has 0, and below whatever somebody else adds (ovs-ofctl's default is 32768). */
const copyPriority = 1;
/** Bytes of a frame that a copy has: an ARP or neighbour message fits. */
export const copyBytes = 128;

export interface OpenFlowMessage {
  readonly type: number;
  readonly xid: number;
  readonly body: Buffer;
}

export function encodeMessage(type: number, xid: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(version, 0);
  header.writeUInt8(type, 1);
  header.writeUInt16BE(headerBytes + body.length, 2);
  header.writeUInt32BE(xid, 4);
  return Buffer.concat([header, body]);
}

/** Takes a stream apart. A message has at most 65,535 bytes, so that is all that is ever kept. */
export class OpenFlowReader {
  private rest = Buffer.alloc(0);

  /** @throws AppError when it is not OpenFlow */
  push(chunk: Buffer): OpenFlowMessage[] {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const messages: OpenFlowMessage[] = [];
    let at = 0;
    while (bytes.length - at >= headerBytes) {
      const length = bytes.readUInt16BE(at + 2);
      if (length < headerBytes) throw new AppError('failed', `an OpenFlow message of ${length} bytes`);
      if (bytes.length - at < length) break;
      const body = Buffer.from(bytes.subarray(at + headerBytes, at + length));
      messages.push({ type: bytes.readUInt8(at + 1), xid: bytes.readUInt32BE(at + 4), body });
      at += length;
    }
    this.rest = Buffer.from(bytes.subarray(at));
    return messages;
  }
}

/** Frames are copied to a connection that asked for some of their bytes (ovs-ofctl(8), monitor). */
export function encodeSetConfig(xid: number, bytes = copyBytes): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt16BE(bytes, 2);
  return encodeMessage(messageTypes.setConfig, xid, body);
}

/** Match fields by their numbers in OXM's basic class. */
interface Match {
  readonly inPort?: number;
  /** The first bytes of the frame's source. */
  readonly sourcePrefix?: Uint8Array;
  /** Below a tag, if there is one. */
  readonly etherType?: number;
  /** 0: frames without a tag (OFPVID_NONE); ovs-ofctl shows it as `vlan_tci=0x0000/0x1fff`. */
  readonly vlanVid?: number;
  readonly ipProtocol?: number;
  readonly icmp6Type?: number;
}

const padTo8 = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);

function encodeMatch(match: Match): Buffer {
  const field = (number: number, length: number, value: number | undefined) => {
    if (value === undefined) return Buffer.alloc(0);
    const bytes = Buffer.alloc(4 + length);
    bytes.writeUInt16BE(0x8000, 0);
    bytes.writeUInt8(number << 1, 2);
    bytes.writeUInt8(length, 3);
    bytes.writeUIntBE(value, 4, length);
    return bytes;
  };
  const fields = [
    field(0, 4, match.inPort),
    match.sourcePrefix ? encodeSource(match.sourcePrefix) : Buffer.alloc(0),
    field(5, 2, match.etherType),
    field(6, 2, match.vlanVid),
    field(10, 1, match.ipProtocol),
    field(29, 1, match.icmp6Type),
  ];
  const body = Buffer.concat(fields);
  const header = Buffer.alloc(4);
  header.writeUInt16BE(1, 0);
  header.writeUInt16BE(4 + body.length, 2);
  return padTo8(Buffer.concat([header, body]));
}

/** An address with a mask of the same length. */
function encodeSource(prefix: Uint8Array): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16BE(0x8000, 0);
  bytes.writeUInt8((4 << 1) | 1, 2);
  bytes.writeUInt8(12, 3);
  bytes.set(prefix, 4);
  bytes.fill(0xff, 10, 10 + prefix.length);
  return bytes;
}

export function encodeOutput(port: number): Buffer {
  const action = Buffer.alloc(16);
  action.writeUInt16BE(16, 2);
  action.writeUInt32BE(port, 4);
  action.writeUInt16BE(copyBytes, 8);
  return action;
}

interface FlowMod {
  readonly command: 'add' | 'delete';
  readonly match: Match;
  readonly actions: readonly Buffer[];
  /** Of the flow, or of those that are deleted. */
  readonly cookie?: bigint;
  readonly priority?: number;
  /** After these seconds the switch removes it, also when nobody is there to do so; 0 for never. */
  readonly timeoutS?: number;
}

export function encodeFlowMod(xid: number, flow: FlowMod): Buffer {
  const isAdd = flow.command === 'add';
  const fixed = Buffer.alloc(40);
  fixed.writeBigUInt64BE(flow.cookie ?? ourCookie, 0);
  fixed.writeBigUInt64BE(isAdd ? 0n : wholeCookie, 8);
  fixed.writeUInt8(isAdd ? 0 : allTables, 16);
  fixed.writeUInt8(isAdd ? 0 : 3, 17);
  fixed.writeUInt16BE(flow.timeoutS ?? 0, 20);
  fixed.writeUInt16BE(isAdd ? (flow.priority ?? copyPriority) : 0, 22);
  fixed.writeUInt32BE(noBuffer, 24);
  fixed.writeUInt32BE(anyPort, 28);
  fixed.writeUInt32BE(anyPort, 32);
  const actions = Buffer.concat(flow.actions);
  const instruction = Buffer.alloc(8);
  // Apply-Actions.
  instruction.writeUInt16BE(4, 0);
  instruction.writeUInt16BE(8 + actions.length, 2);
  const parts = [fixed, encodeMatch(flow.match), ...(actions.length > 0 ? [instruction, actions] : [])];
  return encodeMessage(messageTypes.flowMod, xid, Buffer.concat(parts));
}

/**
 * Flows that copy to us what a port says about its addresses: ARP, neighbour solicitations and advertisements. The frame itself
 * is forwarded as by the bridge's own flow (NORMAL). Without a tag only: the switch drops a frame that a guest tagged itself on an access
 * port, and what it says is not true of the port's VLAN.
 */
export function encodeCopyFlows(xid: number, inPort: number): Buffer {
  const actions = [encodeOutput(controllerPort), encodeOutput(normalPort)];
  const matches: Match[] = [
    { inPort, etherType: 0x0806, vlanVid: 0 },
    { inPort, etherType: 0x86dd, vlanVid: 0, ipProtocol: 58, icmp6Type: 135 },
    { inPort, etherType: 0x86dd, vlanVid: 0, ipProtocol: 58, icmp6Type: 136 },
  ];
  return Buffer.concat(matches.map((match) => encodeFlowMod(xid, { command: 'add', match, actions })));
}

/** Removes our flows of one port, or all of ours. */
export const encodeDeleteFlows = (xid: number, inPort?: number): Buffer =>
  encodeFlowMod(xid, { command: 'delete', match: inPort === undefined ? {} : { inPort }, actions: [] });

/** Of no interface: Open vSwitch counts its ports from 1 up. */
const nobodysPort = 0xfe00;

/**
 * A flow that no frame fits, made and removed. A change of flows has the switch look again at what it does with frames that pass already: Open vSwitch 3.1
 * leaves those as they are when a mirror comes or goes, for as long as they keep passing.
 */
export const encodeLookAgain = (xid: number): Buffer =>
  Buffer.concat([
    encodeFlowMod(xid, { command: 'add', match: { inPort: nobodysPort }, actions: [] }),
    encodeDeleteFlows(xid, nobodysPort),
  ]);

/** Asks how many flows a bridge has, in all or with this cookie. */
export const encodeCountFlows = (xid: number, cookie?: bigint): Buffer => encodeFlowStats(xid, aggregateStats, cookie);

/** Asks for all flows of a bridge. */
export const encodeListFlows = (xid: number): Buffer => encodeFlowStats(xid, flowStats);

function encodeFlowStats(xid: number, kind: number, cookie?: bigint): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(kind, 0);
  const body = Buffer.alloc(32);
  body.writeUInt8(allTables, 0);
  body.writeUInt32BE(anyPort, 4);
  body.writeUInt32BE(anyPort, 8);
  body.writeBigUInt64BE(cookie ?? 0n, 16);
  body.writeBigUInt64BE(cookie === undefined ? 0n : wholeCookie, 24);
  return encodeMessage(messageTypes.multipartRequest, xid, Buffer.concat([head, body, encodeMatch({})]));
}

/** Null for another sort of answer. */
export function parseFlowCount({ type, body }: OpenFlowMessage): number | null {
  if (type !== messageTypes.multipartReply || body.length < 32 || body.readUInt16BE(0) !== aggregateStats) return null;
  return body.readUInt32BE(24);
}

/** A flow of a bridge, as far as it says what becomes of a port's frames. */
export interface BridgeFlow {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly packets: number;
  readonly bytes: number;
  /** OpenFlow number of the port that it is for; null for all. */
  readonly inPort: number | null;
  /** It asks for nothing but a port. */
  readonly isForAll: boolean;
  /** `normal`: forwards as a switch. `drop`: has no action. */
  readonly does: 'normal' | 'drop' | 'other';
}

export interface FlowList {
  readonly flows: readonly BridgeFlow[];
  readonly hasMore: boolean;
}

const flowFixedBytes = 48;
const uncounted = 0xffff_ffff_ffff_ffffn;

/** Null for another sort of answer, or one that is damaged. */
export function parseFlows({ type, body }: OpenFlowMessage): FlowList | null {
  if (type !== messageTypes.multipartReply || body.length < 8 || body.readUInt16BE(0) !== flowStats) return null;
  const flows: BridgeFlow[] = [];
  for (let at = 8; at < body.length;) {
    const length = at + 2 <= body.length ? body.readUInt16BE(at) : 0;
    if (length < flowFixedBytes + 8 || at + length > body.length) return null;
    const flow = parseFlow(body.subarray(at, at + length));
    if (!flow) return null;
    flows.push(flow);
    at += length;
  }
  return { flows, hasMore: (body.readUInt16BE(2) & hasMore) !== 0 };
}

function parseFlow(bytes: Buffer): BridgeFlow | null {
  const matchLength = bytes.readUInt16BE(flowFixedBytes + 2);
  const matchEnd = flowFixedBytes + Math.ceil(matchLength / 8) * 8;
  if (matchLength < 4 || matchEnd > bytes.length) return null;
  const count = (at: number) => {
    const value = bytes.readBigUInt64BE(at);
    return value === uncounted ? 0 : Number(value);
  };
  let inPort: number | null = null;
  let isForAll = true;
  for (let at = flowFixedBytes + 4; at + 4 <= flowFixedBytes + matchLength;) {
    const length = bytes.readUInt8(at + 3);
    const isPort = bytes.readUInt16BE(at) === 0x8000 && bytes.readUInt8(at + 2) >> 1 === 0 && length === 4;
    if (isPort && at + 8 <= bytes.length) inPort = bytes.readUInt32BE(at + 4);
    else isForAll = false;
    at += 4 + length;
  }
  return {
    ...{ table: bytes.readUInt8(2), priority: bytes.readUInt16BE(12), cookie: bytes.readBigUInt64BE(24) },
    ...{ packets: count(32), bytes: count(40), inPort, isForAll, does: readActions(bytes.subarray(matchEnd)) },
  };
}

/** Of a flow's instructions: no more than whether it forwards as a switch, drops, or does something else. */
function readActions(instructions: Buffer): BridgeFlow['does'] {
  if (instructions.length === 0) return 'drop';
  let does: BridgeFlow['does'] = 'drop';
  for (let at = 0; at + 8 <= instructions.length;) {
    const length = instructions.readUInt16BE(at + 2);
    if (length < 8 || at + length > instructions.length) return 'other';
    const isApply = instructions.readUInt16BE(at) === 4;
    if (!isApply) return 'other';
    for (let action = at + 8; action + 8 <= at + length;) {
      const isNormal = instructions.readUInt16BE(action) === 0 && instructions.readUInt32BE(action + 4) === normalPort;
      if (isNormal) return 'normal';
      does = 'other';
      const size = instructions.readUInt16BE(action + 2);
      if (size < 8) return 'other';
      action += size;
    }
    at += length;
  }
  return does;
}

export interface PacketIn {
  readonly inPort: number;
  readonly cookie: bigint;
  readonly frame: Buffer;
}

/** Null when it is cut short. */
export function parsePacketIn({ type, body }: OpenFlowMessage): PacketIn | null {
  if (type !== messageTypes.packetIn || body.length < 20) return null;
  const cookie = body.readBigUInt64BE(8);
  const matchLength = body.readUInt16BE(18);
  const matchEnd = 16 + Math.ceil(matchLength / 8) * 8;
  if (matchLength < 4 || body.length < matchEnd + 2) return null;
  for (let at = 20; at + 4 <= 16 + matchLength;) {
    const length = body.readUInt8(at + 3);
    if (body.readUInt16BE(at) === 0x8000 && body.readUInt8(at + 2) >> 1 === 0 && length === 4 && at + 8 <= body.length)
      return { inPort: body.readUInt32BE(at + 4), cookie, frame: body.subarray(matchEnd + 2) };
    at += 4 + length;
  }
  return null;
}

/** Type and code of an ERROR (ONF TS-006, 7.4.4); the first type means that both sides speak no common version. */
export function parseError({ type, body }: OpenFlowMessage): { readonly type: number; readonly code: number } | null {
  if (type !== messageTypes.error || body.length < 4) return null;
  return { type: body.readUInt16BE(0), code: body.readUInt16BE(2) };
}
