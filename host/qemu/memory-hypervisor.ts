// VMs that run nowhere, for simulated nodes and tests: they have states, deadlines, deaths and screens as QEMU's have, and no processes. Owns their
// behaviour; what a request must look like is checked by the same pure function as QEMU's command line.
import { AppError } from '../../contract/errors.ts';
import type { QemuCatalogue } from '../../core/vms/config-fields.ts';
import { qemuArgs } from '../../core/vms/qemu-args.ts';
import type { ProcessIdentity } from '../detached.ts';
import { qcow2 } from '../images/made-images.ts';
import type {
  Hypervisor,
  HypervisorFacts,
  Instance,
  LaunchRequest,
  OverlayFile,
  RunningVm,
  VmStatus,
} from './hypervisor.ts';
import { MemoryScreen } from './memory-screen.ts';
import { MemorySerial } from './memory-serial.ts';
import { encodePng, shrink } from './screen-picture.ts';

const catalogue: QemuCatalogue = {
  cpus: ['host', 'max', 'qemu64'],
  machines: ['pc', 'q35'],
  netDrivers: ['e1000', 'e1000e', 'rtl8139', 'virtio-net-pci', 'vmxnet3'],
};
const facts: HypervisorFacts = { version: '7.2.22', accelerator: 'kvm', warning: '', catalogue };

export interface MemoryHypervisor extends Hypervisor {
  /** A QEMU that something outside killed. */
  killOutside(instance: Instance): void;
  /** The guest of this VM powers itself off, as `poweroff` in it does. */
  powerOff(id: number): void;
  /** A write of the guest fails: its node's disk is full. The next `resume` fails as well until `makeRoom`. */
  fillDisk(id: number): void;
  makeRoom(id: number): void;
  /** Whether guests follow the power button; they do unless told otherwise. */
  setObeys(id: number, obeys: boolean): void;
  /** The guest of this VM writes to a serial port. */
  print(id: number, port: number, text: string | Uint8Array): void;
  /** `saveState` stands still from now on, until the function returned is called. */
  holdSaves(): () => void;
  /** The next launch dies with these words, as QEMU does for what it cannot have. */
  failNextLaunch(words: string): void;
  /** Ids that have a folder. */
  folders(): number[];
  /** Ids of VMs that run, whether anybody has them or not. */
  processes(): number[];
  /** The process that has the VMs is killed: nobody has them then. */
  crash(): void;
  /** Taps of NICs that were taken out and put in again. */
  readonly replugs: readonly string[];
}

interface MemoryVm {
  readonly instance: Instance;
  status: VmStatus;
  readonly listeners: Set<(status: VmStatus) => void>;
  isFull: boolean;
  obeys: boolean;
  readonly usbDisks: Map<number, string>;
  /** By place: its tap, and whether its cable is in. */
  readonly nics: Map<number, { readonly tap: string; isUp: boolean }>;
  cdrom: string;
  readonly screen: MemoryScreen;
  readonly serials: readonly MemorySerial[];
}

interface MemoryHypervisorOptions {
  /** It only names folders; nothing is made there. */
  readonly base?: string;
  /** A VM holds a tap from now on, or no more. */
  readonly onHold?: (tap: string, isHeld: boolean) => void;
}

export function createMemoryHypervisor(options: MemoryHypervisorOptions = {}): MemoryHypervisor {
  return new VmsInMemory(options);
}

class VmsInMemory implements MemoryHypervisor {
  private readonly options: MemoryHypervisorOptions;
  private readonly base: string;
  private readonly vms = new Map<number, MemoryVm>();
  /** Who holds a VM: one at a time, as with QEMU's monitor. */
  private readonly held = new Set<number>();
  private readonly withFolder = new Set<number>();
  private readonly words = new Map<number, string>();
  readonly replugs: string[] = [];
  private savesHeld: Promise<undefined> = Promise.resolve(undefined);
  private nextPid = 1_000;
  private nextDeath = '';

  constructor(options: MemoryHypervisorOptions = {}) {
    this.options = options;
    this.base = this.options.base ?? '/run/meshd';
  }

  facts() {
    return Promise.resolve(facts);
  }

  userOf() {
    return null;
  }

  lastWords(id: number) {
    return Promise.resolve(this.words.get(id) ?? '');
  }

  async openOverlay(id: number, disk: number): Promise<OverlayFile> {
    await Promise.resolve();
    if (!this.withFolder.has(id)) throw new AppError('not-found', `no overlay of the VM with id ${id}`);
    const data = qcow2({ backing: { file: `/memory/base-${disk}`, format: 'qcow2' } });
    return {
      bytes: data.length,
      read: (offset, length) => Promise.resolve(data.subarray(offset, offset + length)),
      close: () => Promise.resolve(),
    };
  }

  async launch({ machine }: LaunchRequest) {
    await Promise.resolve();
    const { id, uuid, config } = machine;
    if (this.vms.has(id)) throw new AppError('conflict', `the VM with id ${id} runs already`);
    const args = qemuArgs({ ...machine, folder: this.folderOf(id), accelerator: facts.accelerator });
    if (!args.ok) throw new AppError('invalid', args.message);
    this.withFolder.add(id);
    const death =
      this.nextDeath ||
      (config.machine === '' || catalogue.machines.includes(config.machine) ? '' : 'unsupported machine type');
    this.nextDeath = '';
    this.words.set(id, death);
    if (death !== '') throw new AppError('failed', `QEMU died: ${death}`);
    const process_: ProcessIdentity = { pid: this.nextPid++, startTicks: String(this.nextPid), bootId: 'memory' };
    const vm: MemoryVm = {
      instance: { id, uuid, process: process_ },
      status: { state: 'BUILDING', reason: '' },
      listeners: new Set(),
      isFull: false,
      obeys: true,
      usbDisks: new Map(),
      nics: new Map(machine.nics.map(({ tap }, index) => [index, { tap, isUp: true }])),
      cdrom: config.cdrom,
      screen: new MemoryScreen(
        { number: id, name: machine.name },
        { isRunning: () => this.vms.get(id)?.status.state === 'RUNNING' },
      ),
      serials: Array.from({ length: config.serialPorts }, () => new MemorySerial()),
    };
    this.vms.set(id, vm);
    for (const { tap } of vm.nics.values()) this.tellHold(tap, true);
    return this.open(vm);
  }

  async adopt(instance: Instance) {
    await Promise.resolve();
    if (this.held.has(instance.id)) throw new AppError('conflict', `the VM with id ${instance.id} runs already`);
    const vm = this.vms.get(instance.id);
    if (vm?.instance.process.startTicks !== instance.process.startTicks) return null;
    return this.open(vm);
  }

  async endStray(id: number) {
    await Promise.resolve();
    if (this.held.has(id)) throw new AppError('conflict', `the VM with id ${id} runs: kill it first`);
    const vm = this.vms.get(id);
    if (vm) this.set(vm, { state: 'QUIT', reason: '' });
  }

  async remove(id: number) {
    await Promise.resolve();
    if (this.vms.has(id)) throw new AppError('conflict', `the VM with id ${id} runs: kill it first`);
    this.withFolder.delete(id);
    this.words.delete(id);
  }

  killOutside({ id }: Instance) {
    this.set(this.find(id), { state: 'QUIT', reason: 'QEMU ended without a word: killed from outside?' });
  }

  powerOff(id: number) {
    this.set(this.find(id), { state: 'QUIT', reason: 'the guest powered off' });
  }

  fillDisk(id: number) {
    const vm = this.find(id);
    vm.isFull = true;
    if (vm.status.state === 'RUNNING') this.set(vm, fullDisk);
  }

  makeRoom(id: number) {
    this.find(id).isFull = false;
  }

  setObeys(id: number, obeys: boolean) {
    this.find(id).obeys = obeys;
  }

  print(id: number, port: number, text: string | Uint8Array) {
    this.find(id).serials[port]?.print(text);
  }

  holdSaves() {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.savesHeld = promise;
    return () => resolve(undefined);
  }

  failNextLaunch(text: string) {
    this.nextDeath = text;
  }

  folders() {
    return [...this.withFolder].sort((a, b) => a - b);
  }

  processes() {
    return [...this.vms.keys()].sort((a, b) => a - b);
  }

  crash() {
    for (const vm of this.vms.values()) {
      vm.listeners.clear();
      hangUp(vm);
    }
    this.held.clear();
  }

  private tellHold(tap: string, isHeld: boolean) {
    return this.options.onHold?.(tap, isHeld);
  }

  folderOf(id: number) {
    return `${this.base}/${id}`;
  }

  private set(vm: MemoryVm, status: VmStatus): void {
    if (vm.status.state === 'QUIT') return;
    if (vm.status.state === status.state && vm.status.reason === status.reason) return;
    vm.status = status;
    if (status.state === 'QUIT') {
      this.vms.delete(vm.instance.id);
      this.held.delete(vm.instance.id);
      hangUp(vm);
      for (const { tap } of vm.nics.values()) this.tellHold(tap, false);
    }
    for (const listener of [...vm.listeners]) listener(status);
  }

  private find(id: number): MemoryVm {
    const vm = this.vms.get(id);
    if (!vm) throw new AppError('not-found', `no VM with id ${id} runs in memory`);
    return vm;
  }

  private open(vm: MemoryVm): RunningVm {
    const { id } = vm.instance;
    const own = new Set<(status: VmStatus) => void>();
    this.held.add(id);
    /** Each call takes a turn of the event loop, as one over a socket does. */
    const act = async <T>(does: () => T): Promise<T> => {
      await Promise.resolve();
      if (vm.status.state === 'QUIT') {
        throw new AppError('refused', `the VM with id ${id} has ended: ${vm.status.reason || 'start it first'}`);
      }
      return does();
    };
    return {
      instance: vm.instance,
      get status() {
        return vm.status;
      },
      onStatus(listener) {
        own.add(listener);
        vm.listeners.add(listener);
        return () => {
          own.delete(listener);
          vm.listeners.delete(listener);
        };
      },
      resume: () =>
        act(() => {
          this.set(vm, { state: 'RUNNING', reason: '' });
          if (vm.isFull) this.set(vm, fullDisk);
        }),
      pause: () => act(() => this.set(vm, { state: 'PAUSED', reason: '' })),
      kill: async () => {
        await Promise.resolve();
        this.set(vm, { state: 'QUIT', reason: '' });
      },
      powerDown: () =>
        act(() => {
          if (!vm.obeys || vm.status.state !== 'RUNNING') return false;
          this.set(vm, { state: 'QUIT', reason: '' });
          return true;
        }),
      reset: () => act(() => undefined),
      screenshot: (maxSide) =>
        act(() => {
          const picture = vm.screen.picture();
          return encodePng(maxSide === null ? picture : shrink(picture, maxSide));
        }),
      openScreen: () => act(() => vm.screen.connect()),
      openSerial: (port) =>
        act(() => {
          const serial = vm.serials[port];
          if (!serial) throw new AppError('not-found', `the VM with id ${id} has no serial port ${port}`);
          return serial.connect();
        }),
      changeCdrom: (path) => act(() => void (vm.cdrom = path)),
      ejectCdrom: () => act(() => void (vm.cdrom = '')),
      addUsbDisk: (disk) =>
        act(() => {
          if (vm.usbDisks.has(disk.id))
            throw refused('blockdev-add', `Duplicate nodes with node-name='hotplug${disk.id}-file'`);
          vm.usbDisks.set(disk.id, disk.path);
        }),
      removeUsbDisk: (disk) =>
        act(() => {
          if (!vm.usbDisks.delete(disk)) throw refused('device_del', `Device 'hotplug${disk}' not found`);
        }),
      addNic: ({ tap }, index) =>
        act(() => {
          vm.nics.set(index, { tap, isUp: true });
          this.tellHold(tap, true);
        }),
      replugNic: (nic, index) =>
        act(() => {
          if (!vm.nics.has(index)) throw refused('device_del', `Device 'nic${index}' not found`);
          this.replugs.push(nic.tap);
          this.tellHold(nic.tap, true);
        }),
      setLink: (index, isUp) =>
        act(() => {
          const nic = vm.nics.get(index);
          if (!nic) throw refused('set_link', `Device 'net${index}' not found`);
          nic.isUp = isUp;
        }),
      qmp: (command) =>
        act(() => {
          if (command.execute === 'query-status') {
            const status = { RUNNING: 'running', PAUSED: 'paused', BUILDING: 'prelaunch', QUIT: '' }[vm.status.state];
            return JSON.stringify({ return: { status, singlestep: false, running: vm.status.state === 'RUNNING' } });
          }
          const desc = `The command ${command.execute} has not been found`;
          return JSON.stringify({ error: { class: 'CommandNotFound', desc } });
        }),
      saveState: async (write, { signal }) => {
        await act(() => {
          if (vm.status.state === 'RUNNING') throw refused('migrate', 'it runs');
        });
        for (const part of ['memory of ', machineText(vm), ' at its end']) {
          await this.savesHeld;
          if (signal.aborted) throw new AppError('cancelled', 'cancelled: nothing was saved');
          if (!this.vms.has(id)) throw new AppError('failed', `the VM with id ${id} ended while it was saved`);
          await write(Buffer.from(part));
        }
      },
      savedPercent: () => act(() => 50),
      monitor: (line) =>
        act(() => {
          if (line !== 'info status') return `unknown command: '${line}'\r\n`;
          return `VM status: ${vm.status.state === 'RUNNING' ? 'running' : 'paused'}\r\n`;
        }),
      close: () => {
        for (const listener of own) vm.listeners.delete(listener);
        if (this.vms.get(id) === vm) this.held.delete(id);
      },
    };
  }
}

/** Ends its connections. */
function hangUp({ screen, serials }: MemoryVm): void {
  screen.close();
  for (const serial of serials) serial.close();
}

const fullDisk: VmStatus = { state: 'PAUSED', reason: 'io-error: the disk of its node is full (write on disk0)' };

const machineText = ({ instance }: MemoryVm) => instance.uuid;

function refused(execute: string, text: string): AppError {
  return new AppError('failed', `QEMU refused ${execute}: ${text}`, { detail: { class: 'GenericError' } });
}
