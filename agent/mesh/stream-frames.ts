// Frames of streams (SPEC.md section B): their layout, and nothing else.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import {
  maxServiceCharacters,
  maxStreamChunkBytes,
  maxStreamOpenBytes,
  minStreamChunkCost,
  minStreamWindowBytes,
} from '../../contract/limits.ts';
import { NodeId } from '../../contract/roster.ts';
import { readId, readU32, writeId, writeU32 } from '../../core/mesh/link-states.ts';
import { frameType, readJson } from './frames.ts';

const idBytes = 16;
/** type 1 | leg id 4 | window 4 | place 1 | count 1 */
const openHeaderBytes = 11;
/** As many hops as a message may take. */
const maxPathNodes = 129;
/** type 1 | leg id 4 */
const legHeaderBytes = 5;
const maxCredit = 64 * 1024 * 1024;
const maxCloseBytes = 8_192;

const encoder = new TextEncoder();

export const OpenBody = z.object({
  service: z.string().min(1).max(maxServiceCharacters),
  args: z.unknown().optional(),
});
export type OpenBody = z.infer<typeof OpenBody>;

/** Why a stream ended before its data did. */
export const CloseReason = z.object({
  code: z.string().max(64),
  message: z.string().max(1_000),
  /** A relay cannot pass the open on: it has no link to the next node, or one of protocol 1. */
  route: z.enum(['lost', 'old']).optional(),
  /** With `old`: the relay's neighbours of protocol 1. */
  nodes: z.array(NodeId).max(128).optional(),
});
export type CloseReason = z.infer<typeof CloseReason>;

/** What we tell the far end about an error of ours; null: the stream is no longer wanted here. */
export function reasonOf(error: Error | null): CloseReason {
  if (!error) return { code: 'cancelled', message: 'the other end closed the stream before its end' };
  const code = error instanceof AppError ? error.code : 'failed';
  return { code, message: describeError(error).slice(0, 1_000) };
}

export interface Open {
  readonly window: number;
  /** Index in `path` of the node that this frame is sent to. */
  readonly place: number;
  readonly path: readonly string[];
  readonly body: OpenBody;
}

/** The JSON of an open, or null when it is too large. */
export function encodeOpenBody(body: OpenBody): Uint8Array | null {
  const text = encoder.encode(JSON.stringify(body));
  return text.length > maxStreamOpenBytes ? null : text;
}

export function openFrame(open: Omit<Open, 'body'>, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(openHeaderBytes + idBytes * open.path.length + body.length);
  frame[0] = frameType.open;
  writeU32(frame, 5, open.window);
  frame[9] = open.place;
  frame[10] = open.path.length;
  open.path.forEach((id, at) => writeId(id, frame, openHeaderBytes + idBytes * at));
  frame.set(body, openHeaderBytes + idBytes * open.path.length);
  return frame;
}

export function readOpen(frame: Uint8Array): Open | null {
  if (frame.length < openHeaderBytes) return null;
  const window = readU32(frame, 5);
  const place = frame[9] ?? 0;
  const count = frame[10] ?? 0;
  const bodyAt = openHeaderBytes + idBytes * count;
  if (window < minStreamWindowBytes || window > maxCredit) return null;
  if (count < 2 || count > maxPathNodes || place < 1 || place >= count) return null;
  if (frame.length <= bodyAt || frame.length > bodyAt + maxStreamOpenBytes) return null;
  const path = Array.from({ length: count }, (_, at) => readId(frame, openHeaderBytes + idBytes * at));
  const body = OpenBody.safeParse(readJson(frame, bodyAt));
  return body.success ? { window, place, path, body: body.data } : null;
}

/** Turns an open into the one for the next node of its path. Its leg id is written when it is sent. */
export function passOpenOn(frame: Uint8Array, window: number): void {
  writeU32(frame, 5, window);
  frame[9] = (frame[9] ?? 0) + 1;
}

/** The id of the leg that a frame of this section is for. */
export function legOf(frame: Uint8Array): number {
  return frame.length < legHeaderBytes ? 0 : readU32(frame, 1);
}

export function setLeg(frame: Uint8Array, id: number): void {
  writeU32(frame, 1, id);
}

/** A data frame with room for `bytes`; its payload is `payloadOf` it. */
export function dataFrame(bytes: number): Buffer {
  const frame = Buffer.allocUnsafe(legHeaderBytes + bytes);
  frame[0] = frameType.data;
  return frame;
}

export function isData(frame: Uint8Array): boolean {
  return frame.length > legHeaderBytes && frame.length <= legHeaderBytes + maxStreamChunkBytes;
}

export function payloadOf(frame: Uint8Array): Buffer {
  return Buffer.from(frame.buffer, frame.byteOffset + legHeaderBytes, frame.length - legHeaderBytes);
}

/** What a data frame takes of the credit. */
export function costOf(frame: Uint8Array): number {
  return Math.max(minStreamChunkCost, frame.length - legHeaderBytes);
}

export function creditFrame(id: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(9);
  frame[0] = frameType.credit;
  writeU32(frame, 1, id);
  writeU32(frame, 5, bytes);
  return frame;
}

/** Null when it is malformed. */
export function readCredit(frame: Uint8Array): number | null {
  if (frame.length !== 9) return null;
  const bytes = readU32(frame, 5);
  return bytes === 0 || bytes > maxCredit ? null : bytes;
}

/** Without a reason: the end of one direction. */
export function closeFrame(id: number, reason?: CloseReason): Uint8Array {
  const text = reason ? encoder.encode(JSON.stringify(reason)) : new Uint8Array(0);
  const frame = new Uint8Array(legHeaderBytes + text.length);
  frame[0] = frameType.close;
  writeU32(frame, 1, id);
  frame.set(text, legHeaderBytes);
  return frame;
}

export function readClose(frame: Uint8Array): CloseReason | 'end' | null {
  if (frame.length < legHeaderBytes || frame.length > legHeaderBytes + maxCloseBytes) return null;
  if (frame.length === legHeaderBytes) return 'end';
  const reason = CloseReason.safeParse(readJson(frame, legHeaderBytes));
  return reason.success ? reason.data : null;
}
