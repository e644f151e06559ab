// A hostile member of a mesh of real meshds: it has a certificate of the cluster, keeps a link to one of them at a time and
// sends forged and damaged frames. Meanwhile a watcher makes facts travel. Afterwards the others still list each other, a
// node that was not there yet joins, and memory is as it was after the warm-up.
import { setTimeout as sleep } from 'node:timers/promises';
import { loadIdentity } from '../../agent/identity/identity.ts';
import { RosterStore } from '../../agent/identity/roster-store.ts';
import { frameType, jsonFrame, protocolMax, protocolMin } from '../../agent/mesh/frames.ts';
import { TlsTransport } from '../../agent/mesh/tls-transport.ts';
import type { Connection } from '../../agent/mesh/transport.ts';
import { join } from 'node:path';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { createRandom } from '../console/random.ts';
import { benchContext } from '../identities.ts';
import { followMeshd } from '../meshd-view.ts';
import type { Report } from '../report.ts';
import { Daemons } from './daemons.ts';
import { createFrame, type FrameWorld } from './member-frames.ts';
import { comes, type Faults } from './process-facts.ts';

export interface FrameFuzzOptions {
  readonly frames: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

const firstPort = 17_310;
const others = [0, 1, 2];
const hostile = 3;
const late = 4;
const lookEvery = 1_000;
/** What a node may queue towards one neighbour that does not read, four frames of the largest kind, and as much again. */
const growthMb = 64;
const queueBytes = 1024 * 1024;

export async function fuzzFrames(report: Report, faults: Faults, options: FrameFuzzOptions): Promise<void> {
  const { frames, seed, signal } = options;
  report.heading('Frames of a hostile member');
  const daemons = await Daemons.create(5, firstPort, faults);
  let unfollow = (): void => undefined;
  try {
    for (const index of others) await daemons.start(index);
    if (!(await isListed(daemons, others))) throw new Error('the mesh did not come up');
    unfollow = followMeshd({ path: () => Promise.resolve(daemons.socketOf(0)), onState: () => undefined });
    const folder = daemons.node(hostile).identityFolder;
    const identity = await loadIdentity(folder, new Date());
    const roster = await RosterStore.open({ path: join(folder, 'roster.json'), caPem: identity.caPem });
    const ids = [hostile, ...others, late].map((index) => daemons.node(index).id);
    const member = new HostileMember(new TlsTransport({ identity, port: 0 }, { log: { debug: () => undefined } }));
    const random = createRandom(seed);
    const counts = new Map<string, number>();
    let before: number[] | null = null;
    for (let sent = 0; sent < frames && !signal.aborted; sent += 1) {
      const world: FrameWorld = { ids, roster: roster.signed, nowMs: Date.now() };
      const { name, bytes } = createFrame(random, world);
      await member.send(bytes, daemons.node(random.of(others)).port);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (sent % lookEvery === lookEvery - 1) await checkAnswers(daemons, faults);
      if (before === null && sent >= frames / 10) before = await memory(daemons);
    }
    signal.throwIfAborted();
    member.close();
    if (!(await isListed(daemons, others))) faults.add('the others do not list each other');
    await daemons.start(late);
    if (!(await isListed(daemons, [...others, late]))) faults.add('a new member does not join');
    unfollow();
    const after = await memory(daemons);
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    report.figure('frames', 'frames', { unit: '', samples: [total] });
    report.fact('of each type', [...counts].map(([name, count]) => `${name} ${count}`).join(', '));
    report.figure('links', 'links that they cost', { unit: '', samples: [member.links] });
    report.figure('frames-warm', 'resident memory after warm-up', { unit: 'MB', samples: before ?? [] });
    report.figure('frames-end', 'resident memory at the end', { unit: 'MB', samples: after });
    const grown = Math.max(...after.map((now, index) => now - (before?.[index] ?? NaN)));
    report.figure('frames-grown', 'the most that one grew by', {
      unit: 'MB',
      samples: [grown],
      goal: { at: 'most', value: growthMb },
    });
  } finally {
    unfollow();
    await daemons.stop();
  }
}

const memory = (daemons: Daemons) =>
  Promise.all(others.map(async (index) => (await daemons.memoryOf(index)).residentMb));

/** Whether each of these nodes lists exactly the others, by their names in the roster. */
async function isListed(daemons: Daemons, nodes: readonly number[]): Promise<boolean> {
  return comes(async () => {
    const lists = await Promise.all(nodes.map((index) => daemons.ask(index, 'mesh list peers')));
    return lists.every(({ text }, at) => {
      const names = nodes.filter((index) => index !== nodes[at]).map((index) => daemons.node(index).name);
      return text === describeRange(names);
    });
  });
}

async function checkAnswers(daemons: Daemons, faults: Faults): Promise<void> {
  for (const index of others) {
    const { rows, error } = await daemons.ask(index, 'mesh status').catch((reason: unknown) => ({
      rows: [] as string[][],
      error: String(reason),
    }));
    if (rows[0]?.[3] !== benchContext)
      faults.add(`n${index} answered mesh status with ${error || JSON.stringify(rows)}`);
  }
}

/** One link at a time, made again when it was closed, as it is after a malformed frame. */
class HostileMember {
  links = 0;
  private readonly transport: TlsTransport;
  private connection: Connection | null = null;

  constructor(transport: TlsTransport) {
    this.transport = transport;
  }

  /** Sends on the link there is, or on a new one to `port`. */
  async send(frame: Uint8Array, port: number): Promise<void> {
    const ready = await comes(async () => {
      this.connection ??= await this.open(port);
      return this.connection !== null;
    });
    if (!ready) throw new Error('the hostile member gets no link');
    this.connection?.send(frame);
    while (this.connection !== null && this.connection.queuedBytes > queueBytes) await sleep(5);
    // What was sent leaves, and a close comes in.
    await new Promise((resolve) => setImmediate(resolve));
  }

  close(): void {
    this.connection?.close('done');
    this.connection = null;
  }

  /** Null when it was refused. */
  private open(port: number): Promise<Connection | null> {
    return new Promise((resolve) => {
      this.transport.dial({ host: '127.0.0.1', port }, 60_000, {
        onError: () => resolve(null),
        onOpen: (connection) => {
          connection.handle({
            onFrame: (frame) => {
              if (frame[0] === frameType.hello) {
                this.links += 1;
                resolve(connection);
              } else if (frame[0] === frameType.refuse) connection.close('refused');
            },
            onClose: () => {
              if (this.connection === connection) this.connection = null;
              resolve(null);
            },
          });
          const hello = {
            min: protocolMin,
            max: protocolMax,
            context: benchContext,
            incarnation: Date.now(),
            roster: 1,
          };
          connection.send(jsonFrame(frameType.hello, { ...hello, insist: true }));
        },
      });
    });
  }
}
