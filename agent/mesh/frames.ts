// Frames of the mesh protocol (SPEC.md section F): types, and the shapes of those that are JSON or fixed binary.
import { z } from 'zod';
import { maxErrorCharacters } from '../../contract/limits.ts';
import { NodeId } from '../../contract/roster.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { readId, readU32, writeId, writeU32, type MapSummary } from '../../core/mesh/link-states.ts';

export const protocolMin = 1;
export const protocolMax = 2;
/** The first protocol version with streams. */
export const streamsProtocol = 2;

export const frameType = {
  hello: 1,
  refuse: 2,
  heartbeat: 3,
  states: 4,
  summary: 5,
  digest: 6,
  rosterHave: 7,
  rosterWant: 8,
  roster: 9,
  unicast: 10,
  bounce: 11,
  ping: 12,
  pong: 13,
  open: 32,
  data: 33,
  credit: 34,
  close: 35,
  // 36-47 are kept for streams.
} as const;

export const Hello = z.object({
  min: z.number().int().nonnegative().max(0xffff),
  max: z.number().int().nonnegative().max(0xffff),
  context: z.string().max(1024),
  /** Start time of the sender's life, ms. */
  incarnation: z.number().int().nonnegative().max(0xffffffffffff),
  roster: z.number().int().nonnegative().max(0xffffffff),
  /** The dialler was refused by three full nodes: take it. */
  insist: z.boolean().optional(),
});
export type Hello = z.infer<typeof Hello>;

export const Refuse = z.object({
  code: z.enum(['version', 'context', 'duplicate', 'full']),
  message: z.string().max(1000),
  /** With `full`: ids of other members that may have room. */
  members: z.array(NodeId).max(16).optional(),
});
export type Refuse = z.infer<typeof Refuse>;

/** What travels in a unicast frame's body. */
export const Message = z.discriminatedUnion('t', [
  z.object({ t: z.literal('request'), kind: z.string().max(64), body: z.unknown() }),
  z.object({ t: z.literal('answer'), body: z.unknown() }),
  z.object({ t: z.literal('error'), code: z.string().max(64), message: z.string().max(maxErrorCharacters) }),
  z.object({ t: z.literal('cancel') }),
  z.object({
    t: z.literal('notice'),
    kind: z.string().max(64),
    incarnation: z.number().int().nonnegative().max(0xffffffffffff),
    sequence: z.number().int().nonnegative().max(0xffffffff),
    body: z.unknown(),
  }),
  z.object({ t: z.literal('probe'), target: NodeId }),
  z.object({ t: z.literal('reached'), target: NodeId }),
]);
export type Message = z.infer<typeof Message>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A frame whose body is JSON. */
export function jsonFrame(type: number, body: unknown): Uint8Array {
  const text = encoder.encode(JSON.stringify(body));
  const frame = new Uint8Array(1 + text.length);
  frame[0] = type;
  frame.set(text, 1);
  return frame;
}

/** The JSON from `offset` on; undefined (which no schema here accepts) if it is not JSON. */
export function readJson(frame: Uint8Array, offset: number): unknown {
  try {
    return JSON.parse(decoder.decode(frame.subarray(offset)));
  } catch {
    return undefined;
  }
}

export function bareFrame(type: number): Uint8Array {
  return Uint8Array.of(type);
}

export function numberFrame(type: number, value: number): Uint8Array {
  const frame = new Uint8Array(5);
  frame[0] = type;
  writeU32(frame, 1, value);
  return frame;
}

export function readNumber(frame: Uint8Array): number | null {
  return frame.length === 5 ? readU32(frame, 1) : null;
}

/** summary: hash 8 | count 4 | roster version 4 */
export function summaryFrame(summary: Readonly<MapSummary>, rosterVersion: number): Uint8Array {
  const frame = new Uint8Array(17);
  frame[0] = frameType.summary;
  writeU32(frame, 1, summary.hash0);
  writeU32(frame, 5, summary.hash1);
  writeU32(frame, 9, summary.count);
  writeU32(frame, 13, rosterVersion);
  return frame;
}

export function readSummary(frame: Uint8Array): (MapSummary & { rosterVersion: number }) | null {
  if (frame.length !== 17) return null;
  return {
    hash0: readU32(frame, 1),
    hash1: readU32(frame, 5),
    count: readU32(frame, 9),
    rosterVersion: readU32(frame, 13),
  };
}

/** unicast and bounce: hops left 1 | to 16 | from 16 | message id 4 | body */
export const envelopeBytes = 38;
/** Hops a message may take. Shortest paths of a settled mesh are far shorter; only a transient loop reaches this bound. */
const maxHops = 128;

export interface Envelope {
  to: string;
  from: string;
  id: number;
}

export function envelopeFrame(type: number, envelope: Envelope, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(envelopeBytes + body.length);
  frame[0] = type;
  frame[1] = maxHops;
  writeId(envelope.to, frame, 2);
  writeId(envelope.from, frame, 18);
  writeU32(frame, 34, envelope.id);
  frame.set(body, envelopeBytes);
  return frame;
}

export function readEnvelope(frame: Uint8Array): Envelope | null {
  if (frame.length < envelopeBytes) return null;
  return { to: readId(frame, 2), from: readId(frame, 18), id: readU32(frame, 34) };
}

/** Takes one hop off; false when none is left. */
export function takeHop(frame: Uint8Array): boolean {
  const left = frame[1] ?? 0;
  if (left === 0) return false;
  // A message never starts with more hops than this: more is a forgery, and would circulate longer.
  frame[1] = Math.min(left, maxHops) - 1;
  return true;
}

export function encodeMessage(message: Message): Uint8Array {
  return encoder.encode(JSON.stringify(message));
}

export function readMessage(frame: Uint8Array): Message | null {
  const parsed = Message.safeParse(readJson(frame, envelopeBytes));
  return parsed.success ? parsed.data : null;
}

export function bounceBody(target: string): Uint8Array {
  const body = new Uint8Array(16);
  writeId(target, body, 0);
  return body;
}

export function readBounce(frame: Uint8Array): string | null {
  return frame.length === envelopeBytes + 16 ? readId(frame, envelopeBytes) : null;
}

const errorCodes: Record<ErrorCode, true> = {
  invalid: true,
  'not-found': true,
  refused: true,
  conflict: true,
  unreachable: true,
  'host-key-unknown': true,
  'host-key-changed': true,
  timeout: true,
  cancelled: true,
  failed: true,
};

/** A code from another member, perhaps of another version; an unknown code becomes `failed`. */
export function errorCodeFrom(code: string): ErrorCode {
  // Own keys of the table above are ErrorCodes.
  return Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'failed';
}
