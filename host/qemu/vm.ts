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
import type { RunningVm, UsbDisk, VmStatus } from './hypervisor.ts';
import { openQmp, type QmpEvent } from './qmp.ts';
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
}

export interface QemuVm extends Omit<RunningVm, 'instance'> {
  /** Settles with the first state; rejects when QEMU dies before its monitor answers. */
  readonly ready: Promise<void>;
  /** The adapter saw the process end. */
  readonly ended: () => void;
}

/** What an event says, where it says it in a word. */
function word(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

/** Time for what arrived to be written once a migration has failed: its error says more than QEMU's. */
const writtenMs = 1_000;
const cancelledSave = () => new AppError('cancelled', 'cancelled: nothing was saved');

export function openVm(parts: VmParts): QemuVm {
  let status: VmStatus = { state: 'BUILDING', reason: '' };
  const listeners = new Set<(status: VmStatus) => void>();
  /** How it will end, once that is known. */
  let endReason: string | null = null;
  /** The last io-error; STOP follows it. */
  let ioError = '';
  let hasRun = !parts.isNew;
  let isOver = false;
  /** Calls of this object that wait for an event. */
  const waiters = new Set<(event: QmpEvent) => void>();
  const ready = Promise.withResolvers<undefined>();
  const gone = Promise.withResolvers<undefined>();
  // Nobody may wait for them.
  ready.promise.catch(() => undefined);

  function set(next: VmStatus): void {
    if (isOver || (next.state === status.state && next.reason === status.reason)) return;
    status = next;
    if (next.state === 'QUIT') isOver = true;
    for (const listener of [...listeners]) listener(status);
  }

  const qmp = openQmp(parts.qmpPath, {
    onEvent: take,
    onReady: () => {
      qmp.command('query-status').then(
        (answer) => {
          const parsed = Status.safeParse(answer);
          if (parsed.success) set(statusOf(parsed.data.status));
          ready.resolve(undefined);
        },
        // The connection ended again; the next one asks again.
        () => undefined,
      );
    },
    onLost: check,
  });

  /** A monitor that closes mostly means that QEMU has ended. The process may take a moment longer. */
  function check(): void {
    if (isOver) return;
    if (!parts.isAlive()) finish();
    else if (!qmp.isReady) setTimeout(check, 100).unref();
  }

  let isFinishing = false;
  function finish(): void {
    if (isFinishing) return;
    isFinishing = true;
    qmp.close();
    parts.lastWords().then(
      (words) =>
        conclude(
          endReason ?? (words === '' ? 'QEMU ended without a word: killed from outside?' : `QEMU died: ${words}`),
        ),
      (error: unknown) => conclude(endReason ?? `QEMU died, and its log cannot be read: ${describeError(error)}`),
    );
  }

  function conclude(reason: string): void {
    ready.reject(new AppError('failed', reason));
    set({ state: 'QUIT', reason });
    gone.resolve(undefined);
  }

  function statusOf(text: string): VmStatus {
    switch (text) {
      case 'running':
        hasRun = true;
        return { state: 'RUNNING', reason: '' };
      case 'prelaunch':
      case 'inmigrate':
        return { state: 'BUILDING', reason: '' };
      case 'io-error':
        return { state: 'PAUSED', reason: ioError || 'io-error: a disk of the node fails or is full' };
      case 'paused':
      case 'postmigrate':
      case 'finish-migrate':
        // A VM with a memory image is paused once that has been read; the other two are of one whose memory was saved.
        return { state: hasRun ? 'PAUSED' : 'BUILDING', reason: '' };
      default:
        // guest-panicked, internal-error, watchdog, suspended, shutdown: QEMU's word says it.
        return { state: 'PAUSED', reason: text };
    }
  }

  function take({ event, data }: QmpEvent): void {
    switch (event) {
      case 'RESUME':
        ioError = '';
        hasRun = true;
        set({ state: 'RUNNING', reason: '' });
        break;
      case 'STOP':
        set({ state: 'PAUSED', reason: ioError });
        break;
      case 'BLOCK_IO_ERROR':
        // Comes before STOP; a rejected write that stops nothing says `report` or `ignore`.
        if (data['action'] === 'stop') {
          const why = data['nospace'] === true ? 'the disk of its node is full' : word(data['reason'], 'a disk fails');
          ioError = `io-error: ${why} (${word(data['operation'], 'access')} on ${word(data['device'], 'a disk')})`;
          if (status.state === 'PAUSED') set({ state: 'PAUSED', reason: ioError });
        }
        break;
      case 'GUEST_PANICKED':
        set({ state: 'PAUSED', reason: 'guest-panicked' });
        break;
      case 'SHUTDOWN':
        // QEMU ends after this event. `guest` is false when the host asked for it.
        if (endReason === null && data['guest'] === true) endReason = 'the guest powered off';
        break;
      default:
        break;
    }
    for (const waiter of [...waiters]) waiter({ event, data });
  }

  /** Waits for an event, the end of QEMU or the deadline, whichever is first; `end` brings the deadline forward. */
  function waitFor(name: string, isIt: (data: QmpEvent['data']) => boolean, timeoutMs: number, end?: AbortSignal) {
    let timer: NodeJS.Timeout | undefined;
    let waiter: ((event: QmpEvent) => void) | undefined;
    const came = new Promise<'event' | 'deadline'>((resolve) => {
      timer = setTimeout(() => resolve('deadline'), timeoutMs);
      end?.addEventListener('abort', () => resolve('deadline'), { once: true });
      waiter = ({ event, data }) => {
        if (event === name && isIt(data)) resolve('event');
      };
      waiters.add(waiter);
    });
    return Promise.race([came, gone.promise.then(() => 'gone' as const)]).finally(() => {
      clearTimeout(timer);
      if (waiter) waiters.delete(waiter);
    });
  }

  function assertLives(): void {
    if (isOver) throw new AppError('refused', `${parts.name} has ended: ${status.reason || 'start it first'}`);
  }

  async function command(execute: string, args?: Record<string, unknown>): Promise<unknown> {
    assertLives();
    return qmp.command(execute, args);
  }

  /** Asks for the state: an answer comes before its event. */
  async function look(): Promise<string> {
    const { status: text } = Status.parse(await command('query-status'));
    set(statusOf(text));
    return text;
  }

  /** While QEMU reads a memory image it forgets a `cont`, and no event says that it is done. */
  async function untilLoaded(): Promise<void> {
    const began = performance.now();
    while ((await look()) === 'inmigrate') {
      if (performance.now() - began > loadMs)
        throw new AppError('timeout', `${parts.name} still reads its memory image: start it again later`);
      await delay(50);
    }
  }

  /** Adds a block node and the device on it; the node goes again when there is no device for it. */
  async function addWithBackend(
    add: () => Promise<unknown>,
    device: Record<string, unknown>,
    undo: () => Promise<unknown>,
  ) {
    await add();
    try {
      await command('device_add', device);
    } catch (error) {
      await undo().catch(() => undefined);
      throw error;
    }
  }

  /** QEMU keeps a second caller waiting without a word: who has the port is asked first. */
  async function untilFree(port: number): Promise<void> {
    for (let look = 1; ; look += 1) {
      const devices = Chardevs.parse(await command('query-chardev'));
      const device = devices.find(({ label }) => label === serialName(port));
      if (!device) throw new AppError('not-found', `${parts.name} has no serial port ${port}`);
      if (device.filename.startsWith('disconnected:')) return;
      if (look === serialLooks) {
        throw new AppError(
          'conflict',
          `another program has the serial port ${port} of ${parts.name} (${device.filename}): end it first`,
        );
      }
      await delay(serialFreeMs / serialLooks);
    }
  }

  /** QEMU writes its memory into a sink, and settles when all of it is there. */
  /** QEMU does not save a VM twice while it stands still: after the first time it has to run again, and does for as long as these two take. */
  async function leavePostmigrate(): Promise<void> {
    if ((await look()) !== 'postmigrate') return;
    await Promise.all([command('cont'), command('stop')]);
    await look();
  }

  async function saveState(write: (piece: Buffer) => Promise<void>, signal: AbortSignal): Promise<void> {
    await untilLoaded();
    await leavePostmigrate();
    const sink = await parts.openSink(write);
    const waiting = new AbortController();
    const isCancelled = () => signal.aborted;
    const cancel = () => void command('migrate_cancel').catch(() => undefined);
    try {
      await command('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
      await command('migrate-set-parameters', { 'max-bandwidth': saveBandwidth });
      const over = waitFor('MIGRATION', (data) => isMigrationOver(data['status']), saveMs, waiting.signal);
      if (isCancelled()) throw cancelledSave();
      await command('migrate', { uri: sink.uri });
      signal.addEventListener('abort', cancel, { once: true });
      if (isCancelled()) cancel();
      // A write that fails ends the connection, and with it the migration.
      const how = await over;
      if (how === 'gone') throw new AppError('failed', `${parts.name} ended while it was saved`);
      if (how === 'deadline') {
        cancel();
        throw new AppError('timeout', `the memory of ${parts.name} was not written within ${saveMs / 60_000} minutes`);
      }
      const { status: ended, 'error-desc': words } = Migration.parse(await command('query-migrate'));
      if (ended !== 'completed') {
        await Promise.race([sink.ended, delay(writtenMs)]);
        if (isCancelled()) throw cancelledSave();
        throw new AppError('failed', `QEMU could not save ${parts.name}: ${words ?? ended ?? 'it does not say why'}`);
      }
      await sink.ended;
      await look();
    } finally {
      waiting.abort();
      signal.removeEventListener('abort', cancel);
      await sink.close();
    }
  }

  async function addNic(nic: QemuNic, index: number): Promise<void> {
    await addWithBackend(
      () =>
        command('netdev_add', {
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
        bus: parts.isPcie ? 'pci.1' : 'pci.0',
      },
      () => command('netdev_del', { id: nicBackend(index) }),
    );
  }

  return {
    ready: ready.promise,
    get status() {
      return status;
    },
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ended: finish,
    async resume() {
      await untilLoaded();
      await command('cont');
      await look();
    },
    async pause() {
      await command('stop');
      await look();
    },
    async kill() {
      if (isOver) return;
      endReason = '';
      await parts.end();
      finish();
      await gone.promise;
    },
    async powerDown(timeoutMs) {
      const shutDown = waitFor('SHUTDOWN', ({ guest }) => guest === true, timeoutMs);
      await command('system_powerdown');
      if ((await shutDown) === 'deadline') return false;
      endReason = '';
      // QEMU flushes its disks, then ends.
      await Promise.race([gone.promise, delay(flushMs)]);
      await parts.end();
      finish();
      await gone.promise;
      return true;
    },
    async reset() {
      await command('system_reset');
    },
    screenshot(maxSide) {
      return parts.takeScreenshot((path) => command('screendump', { filename: path }), maxSide);
    },
    async openScreen() {
      assertLives();
      return parts.openSocket(socketNames.vnc);
    },
    async openSerial(port) {
      await untilFree(port);
      return parts.openSocket(serialName(port));
    },
    async changeCdrom(path, { force }) {
      await parts.grant(path);
      await command('blockdev-change-medium', {
        id: cdromDevice,
        filename: path,
        format: 'raw',
        force,
        'read-only-mode': 'read-only',
      });
    },
    async ejectCdrom({ force }) {
      await command('eject', { id: cdromDevice, force });
    },
    async addUsbDisk({ id, path, format, version }: UsbDisk) {
      await parts.grant(path);
      const name = usbDiskDevice(id);
      const file = { driver: 'file', filename: path, 'read-only': true };
      await addWithBackend(
        // Several VMs may have one image: none of them writes it.
        () => command('blockdev-add', { 'node-name': `${name}-file`, driver: format, file, 'read-only': true }),
        {
          driver: 'usb-storage',
          id: name,
          drive: `${name}-file`,
          bus: version === '1.1' ? 'usb-bus.0' : parts.usbVersion2Bus,
          removable: true,
        },
        () => command('blockdev-del', { 'node-name': `${name}-file` }),
      );
    },
    async removeUsbDisk(id) {
      const name = usbDiskDevice(id);
      const deleted = waitFor('DEVICE_DELETED', ({ device }) => device === name, unplugMs);
      await command('device_del', { id: name });
      if ((await deleted) === 'deadline') {
        throw new AppError(
          'timeout',
          `the guest still holds the disk ${id} of ${parts.name}: look again with vm hotplug`,
        );
      }
      await command('blockdev-del', { 'node-name': `${name}-file` });
    },
    addNic,
    async replugNic(nic, index) {
      const name = nicDevice(index);
      const deleted = waitFor('DEVICE_DELETED', ({ device }) => device === name, unplugMs);
      try {
        await command('device_del', { id: name });
        if ((await deleted) === 'deadline') {
          throw new AppError('timeout', `the guest of ${parts.name} still holds its NIC ${index}: start the VM again`);
        }
      } catch (error) {
        // It let go of it after an earlier deadline.
        if (!(error instanceof AppError) || !/not found/.test(error.message)) throw error;
      }
      await command('netdev_del', { id: nicBackend(index) });
      await addNic(nic, index);
    },
    saveState: (write, { signal }) => saveState(write, signal),
    async savedPercent() {
      const { status: now, ram } = Migration.parse(await command('query-migrate'));
      if (now === 'completed') return 100;
      return ram && ram.total > 0 ? (100 * (ram.total - ram.remaining)) / ram.total : 0;
    },
    async setLink(index, isUp) {
      await command('set_link', { name: nicBackend(index), up: isUp });
    },
    async qmp({ execute, arguments: args }) {
      assertLives();
      try {
        return JSON.stringify({ return: await qmp.command(execute, args) });
      } catch (error) {
        if (error instanceof AppError && error.code === 'failed') {
          const desc = error.message.slice(error.message.indexOf(': ') + 2);
          return JSON.stringify({ error: { class: error.detail?.['class'], desc } });
        }
        throw error;
      }
    },
    async monitor(line) {
      return z.string().parse(await command('human-monitor-command', { 'command-line': line }));
    },
    close() {
      isOver = true;
      qmp.close();
    },
  };
}
