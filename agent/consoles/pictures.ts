// Small pictures of this node's screens, for walls. A watcher says which VMs it wants, and gets each picture that differs from the one before. Owns the
// pace: one picture at a time for all who watch, the oldest first.
//
// INVARIANTS: pictures cost a tenth of a processor at most, whatever is wanted: who wants more gets them less often. A watcher that does not read gets none, and
// then the newest.
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { PicturesWanted } from '../../contract/consoles.ts';
import { AppError } from '../../contract/errors.ts';
import { maxRequestBytes, wallPictureMs, wallPictureSide } from '../../contract/limits.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { StreamCall } from '../mesh/streams.ts';
import { parseJson } from '../vms/vm-store.ts';
import type { NodeVms } from '../vms/node-vms.ts';

export interface PicturesComponents {
  readonly vms: Pick<NodeVms, 'list' | 'screenshot'>;
  readonly clock: Pick<Clock, 'now' | 'after'>;
}

/** After a picture comes a pause, so many times as long as it took. */
const pauseFactor = 9;
/** Until a VM without a picture is asked again: one that has ended, or starts. */
const failedMs = 5_000;

interface Watcher {
  readonly stream: Duplex;
  wanted: ReadonlySet<number>;
  /** By VM: hash of the picture that it has. */
  readonly has: Map<number, string>;
}

export class Pictures {
  private readonly components: PicturesComponents;
  private readonly watchers = new Set<Watcher>();
  /** By VM: when it is due. Only those that somebody wants. */
  private readonly due = new Map<number, number>();
  private timer: Timer | null = null;
  private isTaking = false;
  private restUntil = 0;

  constructor(components: PicturesComponents) {
    this.components = components;
  }

  serve({ accept }: StreamCall): void {
    const watcher: Watcher = { stream: accept(), wanted: new Set(), has: new Map() };
    const { stream } = watcher;
    this.watchers.add(watcher);
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      const last = lines.at(-1);
      const wanted = last === undefined ? null : PicturesWanted.safeParse(parseJson(last));
      if (wanted?.success === false || text.length > maxRequestBytes) {
        stream.destroy(new AppError('invalid', 'the console asks for pictures in another way: another version?'));
      } else if (wanted) this.want(watcher, wanted.data.vms);
    });
    stream.on('error', () => undefined);
    stream.on('end', () => stream.end());
    stream.on('close', () => {
      this.watchers.delete(watcher);
      this.plan();
    });
  }

  stop(): void {
    this.timer?.cancel();
    for (const { stream } of this.watchers) stream.destroy();
  }

  private want(watcher: Watcher, vms: readonly number[]): void {
    const before = watcher.wanted;
    watcher.wanted = new Set(vms);
    for (const vm of watcher.has.keys()) if (!watcher.wanted.has(vm)) watcher.has.delete(vm);
    // What it did not have on its screen before, it has no picture of.
    for (const vm of watcher.wanted) if (!before.has(vm)) this.due.set(vm, 0);
    this.plan();
  }

  /** Looks when the next picture is due. */
  private plan(): void {
    this.timer?.cancel();
    this.timer = null;
    const { clock } = this.components;
    const wanted = new Set([...this.watchers].flatMap((watcher) => [...watcher.wanted]));
    for (const vm of this.due.keys()) if (!wanted.has(vm)) this.due.delete(vm);
    for (const vm of wanted) if (!this.due.has(vm)) this.due.set(vm, 0);
    const [vm, at] = [...this.due].reduce<readonly [number, number]>(
      (first, each) => (each[1] < first[1] ? each : first),
      [-1, Infinity],
    );
    if (vm < 0 || this.isTaking) return;
    const waitMs = Math.max(at, this.restUntil) - clock.now();
    this.timer = clock.after(Math.max(0, waitMs), () => void this.take(vm));
  }

  private async take(vm: number): Promise<void> {
    const { vms, clock } = this.components;
    this.isTaking = true;
    const began = clock.now();
    const png = await vms.screenshot(vm, wallPictureSide).catch(() => null);
    this.isTaking = false;
    const now = clock.now();
    this.restUntil = now + pauseFactor * (now - began);
    if (this.due.has(vm)) this.due.set(vm, now + (png ? wallPictureMs : failedMs));
    if (png) this.pass(vm, png);
    this.plan();
  }

  private pass(vm: number, png: Buffer): void {
    const hash = createHash('sha256').update(png).digest('base64');
    const head = Buffer.alloc(8);
    head.writeUInt32BE(vm, 0);
    head.writeUInt32BE(png.length, 4);
    for (const { stream, wanted, has } of this.watchers) {
      if (!wanted.has(vm) || has.get(vm) === hash || stream.writableNeedDrain || stream.writableEnded) continue;
      has.set(vm, hash);
      stream.write(Buffer.concat([head, png]));
    }
  }
}
