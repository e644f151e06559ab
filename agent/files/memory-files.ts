// For tests: members of a mesh in memory, each with files in memory, on a clock that the test moves.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../contract/errors.ts';
import type { Download, Rest } from '../../host/download.ts';
import { MemoryStore } from '../../host/images/memory-image-store.ts';
import { seededRandom, Simulation } from '../mesh/simulation.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { Files } from './files.ts';

const stepMs = 10;
/** The first node is the head of the roster. */
export interface FilesNode {
  readonly name: string;
  readonly id: string;
  readonly store: MemoryStore;
  /** Paths that VMs of the node use. */
  readonly used: Set<string>;
  readonly warnings: string[];
  files: Files;
}

export class FilesMesh {
  readonly clock = new VirtualClock();
  readonly nodes: FilesNode[] = [];
  readonly simulation: Simulation;
  private readonly random: () => number;

  private constructor(simulation: Simulation, random: () => number, clock: VirtualClock) {
    this.simulation = simulation;
    this.random = random;
    this.clock = clock;
  }

  /** Members that all have links with each other. `protocolOf`: as in Simulation. */
  static async create(size: number, protocolOf?: (index: number) => number): Promise<FilesMesh> {
    const clock = new VirtualClock();
    const random = seededRandom(7);
    const options = { size, degree: size - 1, ...(protocolOf ? { protocolOf } : {}) };
    const simulation = await Simulation.create(options, { clock, random });
    const made = new FilesMesh(simulation, random, clock);
    await simulation.startAll();
    for (let index = 0; index < size; index += 1) {
      const { name, id } = simulation.node(index);
      const store = new MemoryStore({ now: () => clock.wallNow(), root: `/${name}` });
      const node = { name, id, store, used: new Set<string>(), warnings: [] };
      made.nodes.push(Object.assign(node, { files: made.filesOf(index, node) }));
    }
    await made.reached(() => simulation.isSettled());
    return made;
  }

  /** The web, as far as these nodes reach it; nothing answers unless a test says so. */
  openDownload: (url: URL, rest?: Rest) => Promise<Download> = (url) =>
    Promise.reject(new AppError('unreachable', `${url.host}: nobody is there`));

  node(index: number): FilesNode {
    const node = this.nodes[index];
    if (!node) throw new RangeError(`no node ${index}`);
    return node;
  }

  /** kill -9: what is in the memory of the process is gone, its files stay. */
  kill(index: number): void {
    this.simulation.kill(index);
  }

  async restart(index: number): Promise<void> {
    await this.simulation.start(index);
    this.node(index).files = this.filesOf(index, this.node(index));
    await this.reached(() => this.simulation.isSettled());
  }

  async reached(isDone: () => boolean, maxMs = 300_000): Promise<void> {
    for (let passed = 0; !isDone(); passed += stepMs) {
      if (passed > maxMs) throw new Error(`not within ${maxMs} ms of mesh time`);
      await this.clock.advance(stepMs, stepMs);
      // Hashes are computed on other threads, in real time.
      await sleep(0);
    }
  }

  /** What becomes of a promise while time passes. */
  async passing<T>(promise: Promise<T>, maxMs?: number): Promise<T> {
    let isOver = false;
    const end = () => (isOver = true);
    promise.then(end, end);
    await this.reached(() => isOver, maxMs);
    return promise;
  }

  async failure(promise: Promise<unknown>): Promise<unknown> {
    return this.passing(
      promise.then(
        () => 'no error',
        (error: unknown) => error,
      ),
    );
  }

  async stop(): Promise<void> {
    for (const { files } of this.nodes) files.stop();
    await this.simulation.stopAll();
  }

  private filesOf(index: number, { store, used, warnings }: Omit<FilesNode, 'files'>): Files {
    const mesh = this.simulation.mesh(index);
    const files = new Files({
      mesh,
      store,
      clock: this.clock,
      random: this.random,
      headId: () => this.simulation.node(0).id,
      isInUse: (path) => used.has(path),
      log: { info: () => undefined, warn: (text) => void warnings.push(text) },
      openDownload: (url, { rest }) => this.openDownload(url, rest),
    });
    for (const [service, handler] of Object.entries(files.services)) mesh.streams.serve(service, handler);
    return files;
  }
}

/** A raw disk of random bytes. */
export function randomDisk(bytes: number): Buffer {
  const disk = randomBytes(bytes);
  disk.writeUInt16LE(0xaa55, 0x1fe);
  return disk;
}
