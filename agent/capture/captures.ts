// The captures of this node: which run, which have ended, and what is on disk of that. Owns their bounds and their ends; how packets are taken is
// the host's, and what goes into a file pcap-run.ts's and flow-exports.ts's.
//
// INVARIANTS
// - Before a capture starts it is on disk: after a crash, what has no end is ended, and what it made on bridges is removed.
// - Two captures never write one file.
import { AppError, describeError } from '../../contract/errors.ts';
import { maxKeptCaptures, maxRunningCaptures } from '../../contract/limits.ts';
import { defaultSnaplen, type CaptureSettings } from '../../core/capture/settings.ts';
import type { CaptureRecord } from '../../core/capture/record.ts';
import type { CaptureFile } from '../../host/capture/capture-file.ts';
import type { CaptureHost, CapturePlace } from '../../host/capture/capture-host.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import { FlowExports } from './flow-exports.ts';
import { fileTarget, tcpTarget, udpTarget, type SocketAddress } from './flow-target.ts';
import { startPcapRun } from './pcap-run.ts';
import type { CaptureRun, RunCounts, RunEvents } from './run.ts';
import { readCaptures, writeCaptures, type CaptureStore } from './capture-store.ts';

/** It tells counts so often: a busy interface would fill the mesh with them. */
const tellEveryMs = 1_000;

export interface CapturesComponents {
  readonly host: CaptureHost;
  readonly store: CaptureStore;
  /** A new file for a capture, or that of an earlier one. @throws AppError */
  readonly openFile: (name: string) => Promise<CaptureFile>;
  /** A VM uses the file with this name. */
  readonly isInUse: (name: string) => boolean;
  /** Bytes of a file; 0 without one. */
  readonly sizeOf: (name: string) => Promise<number>;
  readonly clock: Pick<Clock, 'after' | 'wallNow'>;
  readonly log: { readonly info: (text: string) => void; readonly warn: (text: string) => void };
}

export interface PacketCapture {
  readonly namespace: string;
  readonly bridge: string;
  readonly vm: CaptureRecord['vm'];
  readonly place: CapturePlace;
  /** From -filepath on. */
  readonly file: string;
  readonly settings: CaptureSettings;
}

export interface FlowCapture {
  readonly namespace: string;
  readonly bridge: string;
  readonly target: { readonly file: string } | (SocketAddress & { readonly over: 'tcp' | 'udp' });
  readonly mode: 'raw' | 'ascii';
  readonly isCompressed: boolean;
  readonly settings: Pick<CaptureSettings, 'maxBytes' | 'maxSeconds' | 'by'>;
}

interface Running {
  readonly run: Promise<CaptureRun>;
  timer: Timer | null;
  telling: Timer | null;
  /** Once it is being ended. */
  ending: Promise<void> | null;
}

type Listener = (changed: readonly CaptureRecord[], gone: readonly number[]) => void;

export class Captures {
  readonly flows: FlowExports;
  private readonly components: CapturesComponents;
  private readonly records: Map<number, CaptureRecord>;
  private readonly running = new Map<number, Running>();
  private readonly listeners = new Set<Listener>();
  private nextId: number;
  private saving: Promise<void> = Promise.resolve();
  private isStopped = false;
  private hasLeftovers = false;

  private constructor(components: CapturesComponents, kept: { nextId: number; captures: readonly CaptureRecord[] }) {
    this.components = components;
    this.flows = new FlowExports(components.host);
    this.records = new Map(kept.captures.map((record) => [record.id, record]));
    this.nextId = kept.nextId;
  }

  static async open(components: CapturesComponents): Promise<Captures> {
    const { store, sizeOf, clock, log } = components;
    const kept = await readCaptures(store, (text) => log.warn(text));
    const captures = await Promise.all(
      kept.captures.map(async (record): Promise<CaptureRecord> => {
        if (record.state !== 'running') return record;
        const bytes = record.isFile ? await sizeOf(record.target) : record.bytes;
        return { ...record, bytes, state: 'failed', reason: 'meshd ended while it ran', endedAtMs: clock.wallNow() };
      }),
    );
    const made = new Captures(components, { nextId: kept.nextId, captures });
    made.hasLeftovers = kept.captures.some(({ state }) => state === 'running');
    if (made.hasLeftovers) {
      await made.save();
      await made.removeLeftovers().catch((error: unknown) => log.warn(`captures of before: ${describeError(error)}`));
    }
    return made;
  }

  /** Of a namespace; null: of all. By id. */
  list(namespace: string | null): CaptureRecord[] {
    return [...this.records.values()].filter((record) => namespace === null || record.namespace === namespace);
  }

  find(id: number): CaptureRecord | undefined {
    return this.records.get(id);
  }

  onChange(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  checkFilter(filter: string): Promise<void> {
    return filter === '' ? Promise.resolve() : this.components.host.checkFilter(filter);
  }

  /** Resolves when packets are taken. @throws AppError; nothing is left then */
  async startPackets({ namespace, bridge, vm, place, file, settings }: PacketCapture): Promise<CaptureRecord> {
    await this.checkFilter(settings.filter);
    const snaplen = settings.snaplen === 0 ? defaultSnaplen : settings.snaplen;
    const record = this.begin({
      ...{ kind: 'pcap', namespace, bridge, vm, target: file, isFile: true, mode: '', isCompressed: false, snaplen },
      ...{ filter: settings.filter, maxBytes: settings.maxBytes, maxSeconds: settings.maxSeconds, by: settings.by },
    });
    return this.start(record, async (events) => {
      const options = { id: record.id, place, snaplen, filter: record.filter, maxBytes: record.maxBytes };
      const opened = await this.components.openFile(file);
      return startPcapRun(options, { host: this.components.host, file: opened, events });
    });
  }

  /** Resolves when the bridge reports its flows. @throws AppError; nothing is left then */
  async startFlows({ namespace, bridge, target, mode, isCompressed, settings }: FlowCapture): Promise<CaptureRecord> {
    const isFile = 'file' in target;
    const record = this.begin({
      ...{ kind: 'netflow', namespace, bridge, vm: null, isFile, mode, isCompressed, snaplen: 0, filter: '' },
      target: isFile ? target.file : `${target.over} ${target.host}:${target.port}`,
      ...{ maxBytes: settings.maxBytes, maxSeconds: settings.maxSeconds, by: settings.by },
    });
    return this.start(record, async (events) => {
      const opened = isFile
        ? fileTarget(await this.components.openFile(target.file), { isCompressed })
        : target.over === 'tcp'
          ? await tcpTarget(target, (why) => events.onEnd('failed', why))
          : await udpTarget(target);
      return this.flows.start({ id: record.id, bridge, mode, maxBytes: record.maxBytes }, { target: opened, events });
    });
  }

  /** Ends those that run. @throws AppError with what could not be ended */
  async end(ids: readonly number[]): Promise<void> {
    const results = await Promise.allSettled(ids.map((id) => this.finish(id, 'ended', '')));
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [describeError(result.reason)] : []));
    if (errors.length > 0) throw new AppError('failed', errors.join('\n'));
  }

  /** Those that have ended: their rows go, their files stay. */
  async forget(ids: readonly number[]): Promise<void> {
    const gone = ids.filter((id) => !this.running.has(id) && this.records.delete(id));
    if (gone.length === 0) return;
    await this.save();
    this.tell([], gone);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.allSettled([...this.running.keys()].map((id) => this.finish(id, 'ended', 'meshd ended')));
    await this.saving;
  }

  /** @throws AppError */
  private begin(
    part: Omit<
      CaptureRecord,
      'id' | 'startedAtMs' | 'endedAtMs' | 'state' | 'reason' | 'packets' | 'bytes' | 'dropped'
    >,
  ): CaptureRecord {
    if (this.isStopped) throw new AppError('cancelled', 'this meshd is stopping');
    if (this.running.size >= maxRunningCaptures)
      throw new AppError('refused', `${maxRunningCaptures} captures run on this node: end one`);
    const { target, isFile } = part;
    if (isFile && [...this.running.keys()].some((id) => this.records.get(id)?.target === target))
      throw new AppError('conflict', `another capture writes ${target}: choose another name`);
    if (isFile && this.components.isInUse(target))
      throw new AppError('conflict', `${target} is in use by a VM: choose another name`);
    const started = { startedAtMs: this.components.clock.wallNow(), endedAtMs: null, state: 'running' } as const;
    const record = { id: this.nextId, ...part, ...started, reason: '', packets: 0, bytes: 0, dropped: null };
    this.nextId += 1;
    return record;
  }

  private async start(record: CaptureRecord, open: (events: RunEvents) => Promise<CaptureRun>): Promise<CaptureRecord> {
    const { id } = record;
    const begun = Promise.withResolvers<CaptureRun>();
    begun.promise.catch(() => undefined);
    const running: Running = { run: begun.promise, timer: null, telling: null, ending: null };
    this.running.set(id, running);
    this.records.set(id, record);
    try {
      if (this.hasLeftovers) await this.removeLeftovers();
      await this.save();
      begun.resolve(
        await open({
          onGrow: (counts) => this.grow(id, counts),
          onEnd: (state, reason) => {
            this.finish(id, state, reason).catch((error: unknown) => this.components.log.warn(describeError(error)));
          },
        }),
      );
    } catch (error) {
      begun.reject(error);
      this.running.delete(id);
      this.records.delete(id);
      await this.save().catch(() => undefined);
      throw error;
    }
    running.timer = this.components.clock.after(record.maxSeconds * 1_000, () => {
      this.finish(id, 'ended', `${record.maxSeconds} seconds are over`).catch((error: unknown) =>
        this.components.log.warn(describeError(error)),
      );
    });
    this.tell([this.records.get(id) ?? record], []);
    return record;
  }

  private grow(id: number, { packets, bytes }: RunCounts): void {
    const [record, running] = [this.records.get(id), this.running.get(id)];
    if (!record || !running) return;
    this.records.set(id, { ...record, packets, bytes });
    running.telling ??= this.components.clock.after(tellEveryMs, () => {
      running.telling = null;
      const now = this.records.get(id);
      if (now) this.tell([now], []);
    });
  }

  /** Once; who asks again waits for the same end. */
  private finish(id: number, state: 'ended' | 'failed', reason: string): Promise<void> {
    const running = this.running.get(id);
    if (!running) return Promise.resolve();
    running.ending ??= this.close(id, running, { state, reason });
    return running.ending;
  }

  private async close(id: number, running: Running, end: Pick<CaptureRecord, 'state' | 'reason'>): Promise<void> {
    running.timer?.cancel();
    running.telling?.cancel();
    let failure: unknown = null;
    const stopped = running.run.then((run) => run.stop());
    const counts = await stopped.catch((error: unknown) => {
      failure = error;
      this.hasLeftovers = true;
      return {};
    });
    running.timer?.cancel();
    running.telling?.cancel();
    this.running.delete(id);
    const record = this.records.get(id);
    if (record) {
      const ended = { ...record, ...counts, ...end, endedAtMs: this.components.clock.wallNow() };
      this.records.set(id, ended);
      const gone = this.dropOldest();
      this.tell([ended], gone);
      // A disk that is full has no room for the record either; the capture has ended all the same.
      await this.save().catch((error: unknown) => this.components.log.warn(`captures: ${describeError(error)}`));
      const why = ended.reason === '' ? '' : `: ${ended.reason}`;
      this.components.log.info(`capture ${id} (${record.target}) ${ended.state} after ${ended.packets} packets${why}`);
    }
    if (failure !== null) throw failure instanceof Error ? failure : new Error('a capture could not be ended');
  }

  private dropOldest(): number[] {
    const ended = [...this.records.keys()].filter((id) => !this.running.has(id));
    const gone = ended.slice(0, Math.max(0, ended.length - maxKeptCaptures));
    for (const id of gone) this.records.delete(id);
    return gone;
  }

  private async removeLeftovers(): Promise<void> {
    // Those that run now are marked too.
    if ([...this.running.values()].some(({ timer }) => timer !== null)) return;
    await this.components.host.removeLeftovers();
    this.hasLeftovers = false;
  }

  private save(): Promise<void> {
    this.saving = this.saving
      .catch(() => undefined)
      .then(() => writeCaptures(this.components.store, { nextId: this.nextId, captures: this.list(null) }));
    return this.saving;
  }

  private tell(changed: readonly CaptureRecord[], gone: readonly number[]): void {
    for (const listener of this.listeners) listener(changed, gone);
  }
}
