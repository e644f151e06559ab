// Frames of a hostile member: each type of agent/mesh/frames.ts, well formed but forged (in the name of others, with numbers,
// texts and lists at and beyond every bound), and damaged. The same random numbers give the same frames.
import {
  maxClockAheadMs,
  maxDegree,
  maxFrameBytes,
  maxStateNeighbours,
  maxStreamChunkBytes,
  streamWindowBytes,
} from '../../contract/limits.ts';
import {
  bareFrame,
  bounceBody,
  encodeMessage,
  envelopeFrame,
  frameType,
  jsonFrame,
  numberFrame,
  summaryFrame,
} from '../../agent/mesh/frames.ts';
import { armKind, endKind, reportKind, sendKind } from '../../agent/probe/messages.ts';
import { lookKind } from '../../agent/probe/tracer.ts';
import { closeFrame, creditFrame, dataFrame, openFrame, payloadOf, setLeg } from '../../agent/mesh/stream-frames.ts';
import { writeId, writeU16, writeU32 } from '../../core/mesh/link-states.ts';
import type { Random } from '../console/random.ts';
import { fuzzedLine, isExcluded, linkCommands } from './command-inputs.ts';

export interface FrameWorld {
  /** Ids of the roster, the hostile member's own first. */
  readonly ids: readonly string[];
  /** A roster that the cluster's CA signed, to be forged from. */
  readonly roster: unknown;
  readonly nowMs: number;
}

export interface MemberFrame {
  readonly bytes: Uint8Array;
  readonly name: keyof typeof frameType | 'unknown';
}

function writeU48(bytes: Uint8Array, at: number, value: number): void {
  writeU16(bytes, at, Math.floor(value / 2 ** 32));
  writeU32(bytes, at + 2, value % 2 ** 32);
}

const numbers = [0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const extremes: readonly unknown[] = [
  ...numbers, -1, 0.5, 1e308, Number.MAX_SAFE_INTEGER, 0xffffffffffff, 2 ** 48, null, true, '', [], {}, 'x'.repeat(100_000),
  '\u0000', '__proto__', Array.from({ length: 20_000 }, (_, i) => i),
]; // prettier-ignore

function anyId(random: Random, world: FrameWorld): string {
  if (random.below(5) > 0) return random.of(world.ids);
  return Array.from({ length: 32 }, () => random.below(16).toString(16)).join('');
}

function u32(random: Random): number {
  return random.below(2) === 0 ? random.of(numbers) : random.below(2 ** 32);
}

/** Of now, of long ago, of the last moment that is still taken, and of beyond. */
function incarnation(random: Random, { nowMs }: FrameWorld): number {
  return random.of([
    nowMs, nowMs + 1, nowMs + random.below(maxClockAheadMs), nowMs + maxClockAheadMs, nowMs + maxClockAheadMs + 60_000, 0, 1,
    0xffffffffffff, 0xfffffffffffe, nowMs - random.below(maxClockAheadMs),
  ]); // prettier-ignore
}

function states(random: Random, world: FrameWorld): Uint8Array {
  const parts = Array.from({ length: 1 + random.below(random.below(20) === 0 ? 200 : 6) }, () => {
    const count = random.of([0, 0, 1, 2, 4, 30, random.below(40) === 0 ? maxStateNeighbours + random.below(3) : 3]);
    const bytes = new Uint8Array(30 + 16 * count);
    writeId(anyId(random, world), bytes, 0);
    writeU48(bytes, 16, incarnation(random, world));
    writeU32(bytes, 22, u32(random));
    writeU16(bytes, 26, random.of([0, 1, 3, maxDegree, random.below(10) === 0 ? 0xffff : 5]));
    writeU16(bytes, 28, random.below(40) === 0 ? random.below(0x10000) : count);
    for (let at = 30; at < bytes.length; at += 16) writeId(anyId(random, world), bytes, at);
    return bytes;
  });
  return Buffer.concat([bareFrame(frameType.states), ...parts]);
}

function digest(random: Random, world: FrameWorld): Uint8Array {
  const count = random.of([0, 1, 5, random.below(60) === 0 ? 8_200 : 20]);
  const bytes = new Uint8Array(1 + 26 * count);
  bytes[0] = frameType.digest;
  for (let at = 1; at < bytes.length; at += 26) {
    writeId(anyId(random, world), bytes, at);
    writeU48(bytes, at + 16, incarnation(random, world));
    writeU32(bytes, at + 22, u32(random));
  }
  return bytes;
}

/** One value somewhere in it replaced. */
function forge(random: Random, value: unknown): unknown {
  if (random.below(4) === 0 || typeof value !== 'object' || value === null) return random.of(extremes);
  if (Array.isArray(value)) {
    const at = random.below(Math.max(1, value.length));
    return value.map((each: unknown, index) => (index === at ? forge(random, each) : each));
  }
  const keys = Object.keys(value);
  const key = keys[random.below(Math.max(1, keys.length))] ?? 'x';
  return { ...value, [key]: forge(random, (value as Record<string, unknown>)[key]) };
}

const facts = {
  Name: 'n3', CPUs: 4, Load: '1 2 3', MemTotal: 1, MemUsed: 1, RxBps: 1e19, TxBps: -1, VMs: 0, AndroidVMs: 0, Limit: -1,
  CPUCommit: 0, MemCommit: 0, NetworkCommit: 0, Uptime: 1, BridgeReboot: 'safe',
}; // prettier-ignore

/** A line that a member may send. Commands that end links on purpose are left out: to obey them is right. */
function memberLine(random: Random): string {
  for (;;) {
    const line = fuzzedLine(random);
    if (!isExcluded(line, linkCommands)) return line;
  }
}

const run = '0123456789abcdef';

/** Of a probe or a trace: as a member sends it, or with one value replaced. */
function probeRequest(random: Random, { ids }: FrameWorld): unknown {
  const round = { round: 1, vlans: [100, 120], copies: 2, perSecond: 2_000, quietMs: 150, longestMs: 1_500 };
  const [kind, body] = random.of<readonly [string, object]>([
    [armKind, { run, holdMs: 1_000, nodes: ids, vlans: [100, 120] }],
    [sendKind, { run, round, mtu: 1_500 }],
    [reportKind, { run, round }],
    [endKind, { run, lingerMs: 0 }],
    [lookKind, { namespace: 'minimega', vm: 'web1' }],
  ]);
  return { t: 'request', kind, body: random.below(3) > 0 ? forge(random, body) : body };
}

function message(random: Random, world: FrameWorld): unknown {
  const notice = { t: 'notice', incarnation: incarnation(random, world), sequence: u32(random) };
  const of = random.of<() => unknown>([
    () => ({
      t: 'request',
      kind: 'command',
      body: { line: memberLine(random), namespace: random.of(['minimega', 'x', '']) },
    }),
    () => ({ t: 'request', kind: 'hello', body: random.of(extremes) }),
    () => probeRequest(random, world),
    () => ({ t: 'request', kind: random.of(['', 'nope', '__proto__', 'x'.repeat(70)]), body: random.of(extremes) }),
    () => ({ t: 'answer', body: random.of(extremes) }),
    () => ({ t: 'error', code: random.of(['failed', 'toString', 'x']), message: 'x'.repeat(random.below(70_000)) }),
    () => ({ t: 'cancel' }),
    () => ({ ...notice, kind: 'facts-wanted', body: { full: random.below(2) === 0 } }),
    () => ({ ...notice, kind: 'facts', body: { version: '1', full: random.below(2) === 0, facts } }),
    () => ({ ...notice, kind: 'facts', body: { version: '1', full: true, facts: forge(random, facts) } }),
    () => ({ t: random.of(['probe', 'reached']), target: anyId(random, world) }),
  ]);
  const value = of();
  const isCommand = (value as { kind?: string }).kind === 'command';
  return random.below(3) === 0 && !isCommand ? forge(random, value) : value;
}

function envelope(random: Random, world: FrameWorld, type: number): Uint8Array {
  const to = random.below(3) > 0 ? random.of(world.ids.slice(1)) : anyId(random, world);
  const from = random.below(2) === 0 ? (world.ids[0] ?? '') : anyId(random, world);
  const isBounce = type === frameType.bounce;
  const body =
    isBounce && random.below(8) > 0
      ? bounceBody(anyId(random, world))
      : encodeMessage(message(random, world) as Parameters<typeof encodeMessage>[0]);
  const frame = envelopeFrame(type, { to, from, id: random.below(2) === 0 ? random.below(4) : u32(random) }, body);
  if (random.below(4) === 0) frame[1] = random.of([0, 1, 128, 255]);
  return frame;
}

/** The hostile member dials: its legs have odd numbers. Few of them, so that frames meet legs that exist. */
function leg(random: Random): number {
  return random.below(10) === 0 ? u32(random) : 1 + 2 * random.below(40);
}

function open(random: Random, world: FrameWorld): Uint8Array {
  const [own = '', ...others] = world.ids;
  const path = [own, random.of(others), ...others.filter(() => random.below(3) === 0)];
  const window = random.below(8) === 0 ? u32(random) : streamWindowBytes;
  const asked = {
    service: random.of(['echo', 'x', 'x'.repeat(70), '__proto__']),
    args: random.of([null, {}, 'x'.repeat(5_000)]),
  };
  const place = random.below(10) === 0 ? random.below(256) : 1;
  const frame = openFrame({ path, place, window }, new TextEncoder().encode(JSON.stringify(asked)));
  setLeg(frame, leg(random));
  return frame;
}

function data(random: Random): Uint8Array {
  const frame = dataFrame(random.of([1, 100, maxStreamChunkBytes, maxStreamChunkBytes + 1, 0]));
  payloadOf(frame).fill(random.below(256));
  setLeg(frame, leg(random));
  return frame;
}

function close(random: Random, world: FrameWorld): Uint8Array {
  if (random.below(2) === 0) return closeFrame(leg(random));
  const reason = { code: random.of(['failed', 'x', '']), message: 'x'.repeat(random.of([0, 10, 1_001])) };
  return closeFrame(leg(random), random.below(4) === 0 ? { ...reason, route: 'old', nodes: [...world.ids] } : reason);
}

const makers: Readonly<Record<keyof typeof frameType, (random: Random, world: FrameWorld) => Uint8Array>> = {
  // A second hello, and refusals of a link that is up: both are malformed there, and end it.
  hello: (random) =>
    jsonFrame(frameType.hello, { min: 1, max: random.of(numbers), context: 'bench', incarnation: 1, roster: 1 }),
  refuse: (random) =>
    jsonFrame(frameType.refuse, { code: random.of(['full', 'version', 'x']), message: random.of(extremes) }),
  heartbeat: () => bareFrame(frameType.heartbeat),
  states,
  summary: (random) =>
    summaryFrame(
      { hash0: u32(random), hash1: u32(random), count: u32(random) },
      random.below(4) === 0 ? u32(random) : 1,
    ),
  digest,
  rosterHave: (random) => numberFrame(frameType.rosterHave, u32(random)),
  rosterWant: () => bareFrame(frameType.rosterWant),
  roster: (random, world) =>
    jsonFrame(frameType.roster, random.below(3) === 0 ? world.roster : forge(random, world.roster)),
  unicast: (random, world) => envelope(random, world, frameType.unicast),
  bounce: (random, world) => envelope(random, world, frameType.bounce),
  ping: (random) => numberFrame(frameType.ping, u32(random)),
  pong: (random) => numberFrame(frameType.pong, u32(random)),
  open,
  data,
  credit: (random) => creditFrame(random.below(3) === 0 ? 0 : leg(random), random.below(3) === 0 ? u32(random) : 1_000),
  close,
};

/** More of what carries something; fewer of what only ends the link, since each one costs a handshake. */
const names: readonly (keyof typeof frameType)[] = [
  ...Array<'states'>(30).fill('states'), ...Array<'unicast'>(40).fill('unicast'), ...Array<'bounce'>(8).fill('bounce'),
  ...Array<'digest'>(6).fill('digest'), ...Array<'summary'>(6).fill('summary'), 'hello', 'refuse', 'heartbeat', 'heartbeat',
  'rosterHave', 'rosterHave', 'rosterWant', 'roster', 'roster', 'ping', 'ping', 'pong',
  ...Array<'open'>(10).fill('open'), 'data', 'credit', 'credit', 'close', 'close',
]; // prettier-ignore

/** The next frame. */
export function createFrame(random: Random, world: FrameWorld): MemberFrame {
  const kind = random.below(200);
  if (kind === 0)
    return {
      name: 'unknown',
      bytes: new Uint8Array(random.of([1, 5, 100_000, maxFrameBytes])).fill(random.below(256)),
    };
  const name = random.of(names);
  const bytes = makers[name](random, world);
  if (kind > 16) return { name, bytes };
  const damaged = Uint8Array.from(bytes);
  // A damaged line could say anything, so messages are cut and only their envelope is changed.
  const most = name === 'unicast' ? Math.min(38, damaged.length) : damaged.length;
  for (let turn = 1 + random.below(4); turn > 0; turn -= 1) damaged[1 + random.below(most)] = random.below(256);
  return { name, bytes: random.below(2) === 0 ? damaged : damaged.subarray(0, 1 + random.below(damaged.length)) };
}
