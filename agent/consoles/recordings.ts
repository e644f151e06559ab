// `vnc record kb` and `vnc play`: what viewers type on the screens of this node's VMs goes to files, and files are typed again. SPEC.md, section Q.
//
// A recording ends with its VM's QEMU, with `vnc stop`, and at its bound. Keys of all viewers are in it, in the order in which they reached QEMU.
import { AppError, describeError } from '../../contract/errors.ts';
import { maxVncRecordingBytes, maxVncSessions } from '../../contract/limits.ts';
import { describeEvent, recordingLine, type TimedEvent, type VncEvent } from '../../core/consoles/vnc-events.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { NodeVms } from '../vms/node-vms.ts';
import { openKeyboard, type Keyboard } from './keyboard.ts';

export interface RecordingsComponents {
  readonly vms: Pick<NodeVms, 'openScreen' | 'onChange'>;
  readonly clock: Clock;
  readonly log: { readonly warn: (text: string) => void };
}

/** What `vnc` shows. */
export interface VncSession {
  readonly vm: number;
  readonly name: string;
  readonly namespace: string;
  readonly type: 'record kb' | 'play kb';
  readonly startedAt: number;
  readonly file: string;
}

/** Where a recording goes. */
export interface RecordingFile {
  append(line: string): Promise<void>;
  close(): Promise<void>;
}

interface Recording {
  readonly session: VncSession;
  readonly file: RecordingFile;
  lastAt: number;
  bytes: number;
  saved: Promise<void>;
}

interface Playback {
  readonly session: VncSession;
  readonly keyboard: Keyboard;
  readonly events: readonly TimedEvent[];
  at: number;
  timer: Timer | null;
  isPaused: boolean;
}

type Vm = Pick<VncSession, 'vm' | 'name' | 'namespace'>;

export class Recordings {
  private readonly components: RecordingsComponents;
  private readonly recordings = new Map<number, Recording>();
  private readonly playbacks = new Map<number, Playback>();
  private readonly leave: () => void;

  constructor(components: RecordingsComponents) {
    this.components = components;
    this.leave = components.vms.onChange((changed, gone) => {
      const ended = changed.filter(({ state }) => state === 'QUIT' || state === 'ERROR').map(({ id }) => id);
      for (const id of [...ended, ...gone]) void this.end(id);
    });
  }

  list(namespace: string): VncSession[] {
    return [...this.recordings.values(), ...this.playbacks.values()]
      .map(({ session }) => session)
      .filter((session) => session.namespace === namespace);
  }

  isRecording(vm: number): boolean {
    return this.recordings.has(vm);
  }

  /** What viewers send from now on goes to the file. @throws AppError `conflict`, `refused` */
  record(vm: Vm, file: RecordingFile, name: string): void {
    if (this.recordings.has(vm.vm)) throw new AppError('conflict', `kb recording ${vm.name} already running`);
    this.assertRoom();
    const { clock } = this.components;
    const session: VncSession = { ...vm, type: 'record kb', startedAt: clock.now(), file: name };
    this.recordings.set(vm.vm, { session, file, lastAt: clock.now(), bytes: 0, saved: Promise.resolve() });
  }

  /** A viewer typed or pointed. */
  hear(vm: number, event: VncEvent): void {
    const recording = this.recordings.get(vm);
    if (!recording) return;
    const now = this.components.clock.now();
    const line = recordingLine({ afterMs: now - recording.lastAt, event });
    recording.lastAt = now;
    recording.bytes += line.length;
    recording.saved = recording.saved.then(() => recording.file.append(line));
    recording.saved.catch((error: unknown) => {
      if (this.recordings.get(vm) !== recording) return;
      this.components.log.warn(`the recording ${recording.session.file}: ${describeError(error)}`);
      void this.stopRecording(vm);
    });
    if (recording.bytes > maxVncRecordingBytes) {
      this.components.log.warn(`the recording ${recording.session.file} has ${recording.bytes} bytes, and ends`);
      void this.stopRecording(vm);
    }
  }

  /** Ends it; resolves when the file is whole. False without one. */
  async stopRecording(vm: number): Promise<boolean> {
    const recording = this.recordings.get(vm);
    if (!recording) return false;
    this.recordings.delete(vm);
    await recording.saved.catch(() => undefined);
    await recording.file.close();
    return true;
  }

  /** Types a recording. Resolves once it has begun. @throws AppError `conflict`, `refused`, and what QEMU says */
  async play(vm: Vm, events: readonly TimedEvent[], name: string): Promise<void> {
    if (this.playbacks.has(vm.vm)) throw new AppError('conflict', `kb playback ${vm.name} already running`);
    this.assertRoom();
    const keyboard = await openKeyboard(await this.components.vms.openScreen(vm.vm), this.components.clock);
    if (this.playbacks.has(vm.vm)) {
      keyboard.close();
      throw new AppError('conflict', `kb playback ${vm.name} already running`);
    }
    const session: VncSession = { ...vm, type: 'play kb', startedAt: this.components.clock.now(), file: name };
    const playback: Playback = { session, keyboard, events, at: 0, timer: null, isPaused: false };
    this.playbacks.set(vm.vm, playback);
    this.wait(playback);
  }

  /** Ends it. False without one. */
  stopPlayback(vm: number): boolean {
    const playback = this.playbacks.get(vm);
    if (!playback) return false;
    playback.timer?.cancel();
    playback.keyboard.close();
    return this.playbacks.delete(vm);
  }

  /** @throws AppError `not-found` without a playback, `refused` when it is so already */
  pause(vm: Vm, isPaused: boolean): void {
    const playback = this.playbackOf(vm);
    if (playback.isPaused === isPaused) throw new AppError('refused', isPaused ? 'already paused' : 'already running');
    playback.isPaused = isPaused;
    playback.timer?.cancel();
    if (!isPaused) this.wait(playback);
  }

  /** Does the next event now, whenever it was due. @throws AppError `not-found` */
  step(vm: Vm): void {
    const playback = this.playbackOf(vm);
    playback.timer?.cancel();
    this.next(playback);
  }

  /** The next event. @throws AppError `not-found` */
  nextStep(vm: Vm): string {
    const { events, at } = this.playbackOf(vm);
    const event = events[at]?.event;
    return event ? describeEvent(event) : '';
  }

  /** Sends events at once, over the connection of a playback if there is one. @throws AppError what QEMU says */
  async send(vm: number, events: readonly VncEvent[]): Promise<void> {
    const running = this.playbacks.get(vm)?.keyboard;
    const keyboard = running ?? (await openKeyboard(await this.components.vms.openScreen(vm), this.components.clock));
    for (const event of events) keyboard.send(event);
    if (!running) keyboard.close();
  }

  /** Ends what a VM has. */
  async end(vm: number): Promise<void> {
    this.stopPlayback(vm);
    await this.stopRecording(vm);
  }

  async stop(): Promise<void> {
    this.leave();
    await Promise.all([...this.recordings.keys(), ...this.playbacks.keys()].map((vm) => this.end(vm)));
  }

  private assertRoom(): void {
    if (this.recordings.size + this.playbacks.size >= maxVncSessions)
      throw new AppError(
        'refused',
        `more than ${maxVncSessions} recordings and playbacks on this node: \`clear vnc\` ends all`,
      );
  }

  private playbackOf({ vm, name }: Vm): Playback {
    const playback = this.playbacks.get(vm);
    if (!playback) throw new AppError('not-found', `kb playback ${name} not running`);
    return playback;
  }

  private wait(playback: Playback): void {
    const next = playback.events[playback.at];
    if (next) playback.timer = this.components.clock.after(next.afterMs, () => this.next(playback));
    else this.stopPlayback(playback.session.vm);
  }

  private next(playback: Playback): void {
    const next = playback.events[playback.at];
    playback.at += 1;
    if (next) playback.keyboard.send(next.event);
    if (!playback.isPaused || playback.at >= playback.events.length) this.wait(playback);
  }
}
