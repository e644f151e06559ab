// One VM through its QEMU's monitor: its state from events, and what can be done to it. Owns the meaning of QMP's commands and events (qemu
// qapi/*.json, 7.2); processes and files are the adapter's.
//
// INVARIANTS: after QUIT nothing changes. The state is asked for after each connection, and follows events from then on, so an
// event that nobody heard is not missed.
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import {
  cdromDevice,
  nicBackend,
  nicDevice,
  serialName,
  socketNames,
  usbDiskDevice,
  type QemuNic,
} from '../../core/vms/qemu-args.ts';
import type { Instance, RunningVm, UsbDisk, VmStatus } from './hypervisor.ts';
import { openQmp, type Qmp, type QmpEvent } from './qmp.ts';
import type { StateSink } from './state-sink.ts';

const Status = z.looseObject({ status: z.string() });
const Migration = z.looseObject({
  status: z.string().optional(),
  'error-desc': z.string().optional(),
  ram: z.looseObject({ total: z.number(), remaining: z.number() }).optional(),
});
const isMigrationOver = (status: unknown) => status === 'completed' || status === 'failed' || status === 'cancelled';
const Chardevs = z.array(z.looseObject({ label: z.string(), filename: z.string() }));

/** Time for a guest to let go of a device that it was asked for (ACPI, or USB, which needs none). */
const unplugMs = 10_000;
/** Time to read a memory image: 60 GB from a disk with 100 MB/s. */
const loadMs = 600_000;
/** Time to write a memory image: 60 GB to a disk with 20 MB/s. */
const saveMs = 3_600_000;
/** Bytes a second: no bound. QEMU's own is 128 MiB. */
const saveBandwidth = 2 ** 40;
/** Time for QEMU to write what it has in memory to its disks once the guest is off. */
const flushMs = 30_000;
/** Time for QEMU to notice that who had a serial port has let go of it, and looks in that time. */
const serialFreeMs = 1_000;
const serialLooks = 5;

export interface VmParts {
  readonly instance: Instance;
  readonly name: string;
  readonly qmpPath: string;
  /** True on a board whose root bus takes no device at run time (q35). */
  readonly isPcie: boolean;
  readonly usbVersion2Bus: 'xhci.0' | 'ehci.0';
  /** Just launched: paused then means that nobody has started it yet. */
  readonly isNew: boolean;
  /** Whether its QEMU lives. */
  readonly isAlive: () => boolean;
  /** Ends its QEMU by signal, and settles when it is gone. */
  readonly end: () => Promise<void>;
  /** Last lines of QEMU's own output. */
  readonly lastWords: () => Promise<string>;
  /** A file that QEMU may write, and how to read and delete it. */
  readonly takeScreenshot: (write: (path: string) => Promise<unknown>, maxSide: number | null) => Promise<Buffer>;
  /** Connects to one of QEMU's sockets, by its name in the VM's folder. */
  readonly openSocket: (name: string) => Promise<Duplex>;
  /** A socket that QEMU can write its memory to. */
  readonly openSink: (write: (piece: Buffer) => Promise<void>) => Promise<StateSink>;
  /** Lets the VM's user read a file. */
  readonly grant: (path: string) => Promise<void>;
  /** Nobody uses this object from now on; its QEMU lives on. */
  readonly onClose: () => void;
}

export interface QemuVm extends RunningVm {
  /** Settles with the first state; rejects when QEMU dies before its monitor answers. */
  readonly ready: Promise<void>;
  /** The adapter saw the process end. */
  ended(): void;
}

/** What an event says, where it says it in a word. */
function word(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

/** Time for what arrived to be written once a migration has failed: its error says more than QEMU's. */
const writtenMs = 1_000;
const cancelledSave = () => new AppError('cancelled', 'cancelled: nothing was saved');

export function openVm(parts: VmParts): QemuVm {
  return new LiveVm(parts);
}

class LiveVm implements QemuVm {
  private readonly parts: VmParts;
  private current: VmStatus = { state: 'BUILDING', reason: '' };
  private readonly listeners = new Set<(status: VmStatus) => void>();
  /** How it will end, once that is known. */
  private endReason: string | null = null;
  /** The last io-error; STOP follows it. */
  private ioError = '';
  private hasRun: boolean;
  private isOver = false;
  /** Calls of this object that wait for an event. */
  private readonly waiters = new Set<(event: QmpEvent) => void>();
  private readonly untilReady = Promise.withResolvers<undefined>();
  private readonly gone = Promise.withResolvers<undefined>();
  private readonly monitorOfQemu: Qmp;
  private isFinishing = false;

  constructor(parts: VmParts) {
    this.parts = parts;
    this.hasRun = !this.parts.isNew;
    // Nobody may wait for them.
    this.untilReady.promise.catch(() => undefined);
    this.monitorOfQemu = openQmp(this.parts.qmpPath, {
      onEvent: (arg0) => this.take(arg0),
      onReady: () => {
        this.monitorOfQemu.command('query-status').then(
          (answer: unknown) => {
            const parsed = Status.safeParse(answer);
            if (parsed.success) this.set(this.statusOf(parsed.data.status));
            this.untilReady.resolve(undefined);
          },
          // The connection ended again; the next one asks again.
          () => undefined,
        );
      },
      onLost: () => this.check(),
    });
  }

  get instance() {
    return this.parts.instance;
  }

  get ready() {
    return this.untilReady.promise;
  }

  get status() {
    return this.current;
  }

  onStatus(listener: (status: VmStatus) => void) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  ended() {
    this.finish();
  }

  async resume() {
    await this.untilLoaded();
    await this.command('cont');
    await this.look();
  }

  async pause() {
    await this.command('stop');
    await this.look();
  }

  async kill() {
    if (this.isOver) return;
    this.endReason = '';
    await this.parts.end();
    this.finish();
    await this.gone.promise;
  }

  async powerDown(timeoutMs: number) {
    const shutDown = this.waitFor('SHUTDOWN', ({ guest }) => guest === true, timeoutMs);
    await this.command('system_powerdown');
    if ((await shutDown) === 'deadline') return false;
    this.endReason = '';
    // QEMU flushes its disks, then ends.
    await Promise.race([this.gone.promise, delay(flushMs)]);
    await this.parts.end();
    this.finish();
    await this.gone.promise;
    return true;
  }

  async reset() {
    await this.command('system_reset');
  }

  screenshot(maxSide: number | null) {
    return this.parts.takeScreenshot((path) => this.command('screendump', { filename: path }), maxSide);
  }

  async openScreen() {
    this.assertLives();
    return this.parts.openSocket(socketNames.vnc);
  }

  async openSerial(port: number) {
    await this.untilFree(port);
    return this.parts.openSocket(serialName(port));
  }

  async changeCdrom(path: string, { force }: { force: boolean }) {
    await this.parts.grant(path);
    await this.command('blockdev-change-medium', {
      id: cdromDevice,
      filename: path,
      format: 'raw',
      force,
      'read-only-mode': 'read-only',
    });
  }

  async ejectCdrom({ force }: { force: boolean }) {
    await this.command('eject', { id: cdromDevice, force });
  }

  async addUsbDisk({ id, path, format, version }: UsbDisk) {
    await this.parts.grant(path);
    const name = usbDiskDevice(id);
    const file = { driver: 'file', filename: path, 'read-only': true };
    await this.addWithBackend(
      // Several VMs may have one image: none of them writes it.
      () => this.command('blockdev-add', { 'node-name': `${name}-file`, driver: format, file, 'read-only': true }),
      {
        driver: 'usb-storage',
        id: name,
        drive: `${name}-file`,
        bus: version === '1.1' ? 'usb-bus.0' : this.parts.usbVersion2Bus,
        removable: true,
      },
      () => this.command('blockdev-del', { 'node-name': `${name}-file` }),
    );
  }

  async removeUsbDisk(id: number) {
    const name = usbDiskDevice(id);
    const deleted = this.waitFor('DEVICE_DELETED', ({ device }) => device === name, unplugMs);
    await this.command('device_del', { id: name });
    if ((await deleted) === 'deadline') {
      throw new AppError(
        'timeout',
        `the guest still holds the disk ${id} of ${this.parts.name}: look again with vm hotplug`,
      );
    }
    await this.command('blockdev-del', { 'node-name': `${name}-file` });
  }

  async replugNic(nic: QemuNic, index: number) {
    const name = nicDevice(index);
    const deleted = this.waitFor('DEVICE_DELETED', ({ device }) => device === name, unplugMs);
    try {
      await this.command('device_del', { id: name });
      if ((await deleted) === 'deadline') {
        throw new AppError(
          'timeout',
          `the guest of ${this.parts.name} still holds its NIC ${index}: start the VM again`,
        );
      }
    } catch (error) {
      // It let go of it after an earlier deadline.
      if (!(error instanceof AppError) || !/not found/.test(error.message)) throw error;
    }
    await this.command('netdev_del', { id: nicBackend(index) });
    await this.addNic(nic, index);
  }

  saveState(write: (piece: Buffer) => Promise<void>, { signal }: { readonly signal: AbortSignal }) {
    return this.saveMemory(write, signal);
  }

  async savedPercent() {
    const { status: now, ram } = Migration.parse(await this.command('query-migrate'));
    if (now === 'completed') return 100;
    return ram && ram.total > 0 ? (100 * (ram.total - ram.remaining)) / ram.total : 0;
  }

  async setLink(index: number, isUp: boolean) {
    await this.command('set_link', { name: nicBackend(index), up: isUp });
  }

  async qmp({
    execute,
    arguments: args,
  }: {
    readonly execute: string;
    readonly arguments?: Readonly<Record<string, unknown>>;
  }) {
    this.assertLives();
    try {
      return JSON.stringify({ return: await this.monitorOfQemu.command(execute, args) });
    } catch (error) {
      if (error instanceof AppError && error.code === 'failed') {
        const desc = error.message.slice(error.message.indexOf(': ') + 2);
        return JSON.stringify({ error: { class: error.detail?.['class'], desc } });
      }
      throw error;
    }
  }

  async monitor(line: string) {
    return z.string().parse(await this.command('human-monitor-command', { 'command-line': line }));
  }

  close() {
    this.isOver = true;
    this.monitorOfQemu.close();
    this.parts.onClose();
  }

  private set(next: VmStatus): void {
    if (this.isOver || (next.state === this.current.state && next.reason === this.current.reason)) return;
    this.current = next;
    if (next.state === 'QUIT') this.isOver = true;
    for (const listener of [...this.listeners]) listener(this.current);
  }

  /** A monitor that closes mostly means that QEMU has ended. The process may take a moment longer. */
  private check(): void {
    if (this.isOver) return;
    if (!this.parts.isAlive()) this.finish();
    else if (!this.monitorOfQemu.isReady) setTimeout(() => this.check(), 100).unref();
  }

  private finish(): void {
    if (this.isFinishing) return;
    this.isFinishing = true;
    this.monitorOfQemu.close();
    this.parts.lastWords().then(
      (words) =>
        this.conclude(
          this.endReason ?? (words === '' ? 'QEMU ended without a word: killed from outside?' : `QEMU died: ${words}`),
        ),
      (error: unknown) =>
        this.conclude(this.endReason ?? `QEMU died, and its log cannot be read: ${describeError(error)}`),
    );
  }

  private conclude(reason: string): void {
    this.untilReady.reject(new AppError('failed', reason));
    this.set({ state: 'QUIT', reason });
    this.gone.resolve(undefined);
  }

  private statusOf(text: string): VmStatus {
    switch (text) {
      case 'running':
        this.hasRun = true;
        return { state: 'RUNNING', reason: '' };
      case 'prelaunch':
      case 'inmigrate':
        return { state: 'BUILDING', reason: '' };
      case 'io-error':
        return { state: 'PAUSED', reason: this.ioError || 'io-error: a disk of the node fails or is full' };
      case 'paused':
      case 'postmigrate':
      case 'finish-migrate':
        // A VM with a memory image is paused once that has been read; the other two are of one whose memory was saved.
        return { state: this.hasRun ? 'PAUSED' : 'BUILDING', reason: '' };
      default:
        // guest-panicked, internal-error, watchdog, suspended, shutdown: QEMU's word says it.
        return { state: 'PAUSED', reason: text };
    }
  }

  private take({ event, data }: QmpEvent): void {
    switch (event) {
      case 'RESUME':
        this.ioError = '';
        this.hasRun = true;
        this.set({ state: 'RUNNING', reason: '' });
        break;
      case 'STOP':
        this.set({ state: 'PAUSED', reason: this.ioError });
        break;
      case 'BLOCK_IO_ERROR':
        // Comes before STOP; a rejected write that stops nothing says `report` or `ignore`.
        if (data['action'] === 'stop') {
          const why = data['nospace'] === true ? 'the disk of its node is full' : word(data['reason'], 'a disk fails');
          this.ioError = `io-error: ${why} (${word(data['operation'], 'access')} on ${word(data['device'], 'a disk')})`;
          if (this.current.state === 'PAUSED') this.set({ state: 'PAUSED', reason: this.ioError });
        }
        break;
      case 'GUEST_PANICKED':
        this.set({ state: 'PAUSED', reason: 'guest-panicked' });
        break;
      case 'SHUTDOWN':
        // QEMU ends after this event. `guest` is false when the host asked for it.
        if (this.endReason === null && data['guest'] === true) this.endReason = 'the guest powered off';
        break;
      default:
        break;
    }
    for (const waiter of [...this.waiters]) waiter({ event, data });
  }

  /** Waits for an event, the end of QEMU or the deadline, whichever is first; `end` brings the deadline forward. */
  private waitFor(name: string, isIt: (data: QmpEvent['data']) => boolean, timeoutMs: number, end?: AbortSignal) {
    let timer: NodeJS.Timeout | undefined;
    let waiter: ((event: QmpEvent) => void) | undefined;
    const came = new Promise<'event' | 'deadline'>((resolve) => {
      timer = setTimeout(() => resolve('deadline'), timeoutMs);
      end?.addEventListener('abort', () => resolve('deadline'), { once: true });
      waiter = ({ event, data }) => {
        if (event === name && isIt(data)) resolve('event');
      };
      this.waiters.add(waiter);
    });
    return Promise.race([came, this.gone.promise.then(() => 'gone' as const)]).finally(() => {
      clearTimeout(timer);
      if (waiter) this.waiters.delete(waiter);
    });
  }

  private assertLives(): void {
    if (this.isOver)
      throw new AppError('refused', `${this.parts.name} has ended: ${this.current.reason || 'start it first'}`);
  }

  private async command(execute: string, args?: Record<string, unknown>): Promise<unknown> {
    this.assertLives();
    return this.monitorOfQemu.command(execute, args);
  }

  /** Asks for the state: an answer comes before its event. */
  private async look(): Promise<string> {
    const { status: text } = Status.parse(await this.command('query-status'));
    this.set(this.statusOf(text));
    return text;
  }

  /** While QEMU reads a memory image it forgets a `cont`, and no event says that it is done. */
  private async untilLoaded(): Promise<void> {
    const began = performance.now();
    while ((await this.look()) === 'inmigrate') {
      if (performance.now() - began > loadMs)
        throw new AppError('timeout', `${this.parts.name} still reads its memory image: start it again later`);
      await delay(50);
    }
  }

  /** Adds a block node and the device on it; the node goes again when there is no device for it. */
  private async addWithBackend(
    add: () => Promise<unknown>,
    device: Record<string, unknown>,
    undo: () => Promise<unknown>,
  ) {
    await add();
    try {
      await this.command('device_add', device);
    } catch (error) {
      await undo().catch(() => undefined);
      throw error;
    }
  }

  /** QEMU keeps a second caller waiting without a word: who has the port is asked first. */
  private async untilFree(port: number): Promise<void> {
    for (let look = 1; ; look += 1) {
      const devices = Chardevs.parse(await this.command('query-chardev'));
      const device = devices.find(({ label }) => label === serialName(port));
      if (!device) throw new AppError('not-found', `${this.parts.name} has no serial port ${port}`);
      if (device.filename.startsWith('disconnected:')) return;
      if (look === serialLooks) {
        throw new AppError(
          'conflict',
          `another program has the serial port ${port} of ${this.parts.name} (${device.filename}): end it first`,
        );
      }
      await delay(serialFreeMs / serialLooks);
    }
  }

  /** QEMU does not save a VM twice while it stands still: after the first time it has to run again, and does for as long as these two take. */
  private async leavePostmigrate(): Promise<void> {
    if ((await this.look()) !== 'postmigrate') return;
    await Promise.all([this.command('cont'), this.command('stop')]);
    await this.look();
  }

  /** QEMU writes its memory into a sink; settles when all of it is there. */
  private async saveMemory(write: (piece: Buffer) => Promise<void>, signal: AbortSignal): Promise<void> {
    await this.untilLoaded();
    await this.leavePostmigrate();
    const sink = await this.parts.openSink(write);
    const waiting = new AbortController();
    const isCancelled = () => signal.aborted;
    const cancel = () => void this.command('migrate_cancel').catch(() => undefined);
    try {
      await this.command('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
      await this.command('migrate-set-parameters', { 'max-bandwidth': saveBandwidth });
      const over = this.waitFor('MIGRATION', (data) => isMigrationOver(data['status']), saveMs, waiting.signal);
      if (isCancelled()) throw cancelledSave();
      await this.command('migrate', { uri: sink.uri });
      signal.addEventListener('abort', cancel, { once: true });
      if (isCancelled()) cancel();
      // A write that fails ends the connection, and with it the migration.
      const how = await over;
      if (how === 'gone') throw new AppError('failed', `${this.parts.name} ended while it was saved`);
      if (how === 'deadline') {
        cancel();
        throw new AppError(
          'timeout',
          `the memory of ${this.parts.name} was not written within ${saveMs / 60_000} minutes`,
        );
      }
      const { status: ended, 'error-desc': words } = Migration.parse(await this.command('query-migrate'));
      if (ended !== 'completed') {
        await Promise.race([sink.ended, delay(writtenMs)]);
        if (isCancelled()) throw cancelledSave();
        throw new AppError(
          'failed',
          `QEMU could not save ${this.parts.name}: ${words ?? ended ?? 'it does not say why'}`,
        );
      }
      await sink.ended;
      await this.look();
    } finally {
      waiting.abort();
      signal.removeEventListener('abort', cancel);
      await sink.close();
    }
  }

  async addNic(nic: QemuNic, index: number): Promise<void> {
    await this.addWithBackend(
      () =>
        this.command('netdev_add', {
          type: 'tap',
          id: nicBackend(index),
          ifname: nic.tap,
          script: 'no',
          downscript: 'no',
          ...(nic.hasOffload ? {} : { vnet_hdr: false }),
        }),
      {
        driver: nic.driver,
        id: nicDevice(index),
        netdev: nicBackend(index),
        mac: nic.mac,
        bus: this.parts.isPcie ? 'pci.1' : 'pci.0',
      },
      () => this.command('netdev_del', { id: nicBackend(index) }),
    );
  }
}
