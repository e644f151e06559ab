// VMs of this Linux machine: QEMU processes. Owns their folders, users, processes and files; what QEMU says is vm.ts's business.
//
//   <base>/<id>/           of the VM's user, nobody else's: sockets, overlays, screenshots
//   <base>/vm-work/        of root, since a guest that broke out can put links into its own folder:
//     <id>.log             what its QEMU printed
//     <id>-<n>.overlay     an overlay that is being made
//   <base>/vm-save/        of root: a socket for each VM whose memory is being saved
//   <base>/accelerator     what the test boot found
//
// INVARIANTS: nothing is read from a VM's folder through a symlink, nor connected to. A signal goes to a process only while it is exactly the one that was started.
import { constants, existsSync } from 'node:fs';
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxScreenPixels } from '../../contract/limits.ts';
import type { VmConfig } from '../../core/vms/config.ts';
import { qemuArgs, socketNames, type QemuDisk } from '../../core/vms/qemu-args.ts';
import { isAlive, readProcessIdentity, startDetached, type ProcessIdentity } from '../detached.ts';
import type { Runner } from '../runner.ts';
import { chooseAccelerator, rememberedAccelerator } from './accelerator.ts';
import { parseVersion, rememberedCatalogue } from './catalogue.ts';
import type { Hypervisor, HypervisorFacts, Instance, LaunchRequest, OverlayFile, RunningVm } from './hypervisor.ts';
import { ensurePassable, grantRead, grantWrite } from './image-access.ts';
import { imagesGroup, launchArgv, scopeName, vmUser } from './launcher.ts';
import { encodePng, parsePpm, shrink } from './screen-picture.ts';
import { openVm, type QemuVm } from './vm.ts';
import { openStateSink } from './state-sink.ts';
import { openVmSocket } from './vm-socket.ts';

export interface LinuxHypervisorOptions {
  /** Folder of all VMs, absolute; not one in memory, since it holds what they wrote to their disks. */
  readonly base: string;
  /** `-filepath`, absolute. */
  readonly filesPath: string;
  readonly runner: Runner;
  /** Makes an overlay over an image (host/images): what the VM writes goes there. */
  readonly makeOverlay: (image: { readonly path: string; readonly format: string }, overlay: string) => Promise<void>;
  /** QEMU of this node; found on PATH. */
  readonly qemu?: string;
  readonly kvmDevice?: string;
}

/** QEMU opens its monitor before it loads anything; a machine under load takes its time. */
const launchMs = 60_000;
const adoptMs = 15_000;
/** QEMU ends on SIGTERM at once, unless it hangs. */
const termMs = 3_000;
const killMs = 30_000;
const logTailBytes = 4_096;

export function createLinuxHypervisor(options: LinuxHypervisorOptions): Hypervisor {
  return new LinuxHypervisor(options);
}

class LinuxHypervisor implements Hypervisor {
  private readonly options: LinuxHypervisorOptions;
  private readonly base: string;
  private readonly filesPath: string;
  private readonly runner: Runner;
  private readonly makeOverlay: (
    image: { readonly path: string; readonly format: string },
    overlay: string,
  ) => Promise<void>;
  private readonly qemu: string;
  private readonly kvmDevice: string;
  private readonly hasRoot = process.getuid?.() === 0;
  private readonly hasSystemd = existsSync('/run/systemd/system');
  private readonly running = new Map<number, { vm: QemuVm; process: ProcessIdentity }>();
  /** Ids that a launch or an adoption is busy with. */
  private readonly busy = new Set<number>();
  private known: Promise<HypervisorFacts> | null = null;
  private readonly work: string;

  constructor(options: LinuxHypervisorOptions) {
    this.options = options;
    const { base, filesPath, runner, makeOverlay, qemu = 'qemu-system-x86_64', kvmDevice = '/dev/kvm' } = this.options;
    this.base = base;
    this.filesPath = filesPath;
    this.runner = runner;
    this.makeOverlay = makeOverlay;
    this.qemu = qemu;
    this.kvmDevice = kvmDevice;
    this.work = join(this.base, 'vm-work');
  }

  openOverlay(id: number, disk: number) {
    return openOverlay(join(this.folderOf(id), overlayName(disk)));
  }

  launch(request: LaunchRequest) {
    return this.alone(request.machine.id, () => this.startQemu(request));
  }

  adopt(instance: Instance, config: VmConfig) {
    return this.alone(instance.id, () => this.takeOver(instance, config));
  }

  endStray(id: number) {
    return this.alone(id, () => this.endProcessesOf(id));
  }

  async remove(id: number) {
    if (this.running.has(id) || this.busy.has(id))
      throw new AppError('conflict', `the VM with id ${id} runs: kill it first`);
    await rm(this.folderOf(id), { recursive: true, force: true });
    await rm(this.logOf(id), { force: true });
    // Overlays that a crash left half-made.
    const names = await readdir(this.work).catch(() => []);
    for (const name of names) if (name.startsWith(`${id}-`)) await rm(join(this.work, name), { force: true });
  }

  folderOf(id: number) {
    return join(this.base, String(id));
  }

  private logOf(id: number) {
    return join(this.work, `${id}.log`);
  }

  userOf(id: number) {
    return this.hasRoot ? vmUser(id) : null;
  }

  private async groups(): Promise<number[]> {
    const kvm = await stat(this.kvmDevice).catch(() => null);
    // Without udev's rules the device is root's group's, whose files a VM must not read.
    const mayUse = kvm !== null && kvm.gid !== 0 && (kvm.mode & 0o060) === 0o060;
    return mayUse ? [imagesGroup, kvm.gid] : [imagesGroup];
  }

  private async observe(): Promise<HypervisorFacts> {
    const version = await this.runner.run([this.qemu, '-version']).catch((cause: unknown) => {
      throw new AppError('failed', `no QEMU on this node: install qemu-system-x86 (${describeError(cause)})`, {
        cause,
      });
    });
    const parsed = parseVersion(version.stdout);
    const mayUse = await this.groups();
    const choose = () =>
      chooseAccelerator(this.runner, this.qemu, {
        kvmDevice: this.kvmDevice,
        // The user of no VM: ids begin at 0, and this one runs for a moment.
        prefix: (argv) => launchArgv(argv, { user: this.userOf(0), groups: mayUse, unit: null }),
      });
    const [catalogue, choice] = await Promise.all([
      rememberedCatalogue(join(this.base, 'catalogue'), version.stdout.split('\n', 1)[0] ?? '', {
        runner: this.runner,
        qemu: this.qemu,
      }),
      rememberedAccelerator(join(this.base, 'accelerator'), parsed, { choose, kvmDevice: this.kvmDevice }),
    ]);
    return { version: parsed, ...choice, catalogue };
  }

  facts(): Promise<HypervisorFacts> {
    this.known ??= this.observe().catch((error: unknown) => {
      this.known = null;
      throw error;
    });
    return this.known;
  }

  async lastWords(id: number): Promise<string> {
    const file = await open(this.logOf(id), 'r').catch(() => null);
    if (!file) return '';
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(Math.min(size, logTailBytes));
      await file.read(buffer, 0, buffer.length, Math.max(0, size - logTailBytes));
      const lines = buffer.toString('utf8').trim().split('\n').slice(-4);
      return lines.map((line) => line.replace(/^qemu-system-x86_64: /, '')).join('\n');
    } finally {
      await file.close();
    }
  }

  private openRunning(instance: Instance, config: VmConfig, isNew: boolean): QemuVm {
    const { id, process: process_ } = instance;
    const folder = this.folderOf(id);
    const vm = openVm({
      instance,
      name: `the VM with id ${id}`,
      qmpPath: join(folder, socketNames.qmp),
      isNew,
      isPcie: config.machine.includes('q35'),
      usbVersion2Bus: config.usbUseXhci ? 'xhci.0' : 'ehci.0',
      isAlive: () => isAlive(process_),
      end: () => endProcess(process_),
      lastWords: () => this.lastWords(id),
      async takeScreenshot(write, maxSide) {
        const path = join(folder, 'screenshot.ppm');
        try {
          await write(path);
          const picture = parsePpm(await readFromVm(path, maxScreenPixels * 3 + 64));
          return encodePng(maxSide === null ? picture : shrink(picture, maxSide));
        } finally {
          await rm(path, { force: true });
        }
      },
      openSink: (write) => openStateSink(join(this.base, 'vm-save'), { id, user: this.userOf(id) }, write),
      openSocket: (name) => openVmSocket(join(folder, name), this.userOf(id)),
      grant: async (path) => {
        if (this.userOf(id) !== null) await grantRead(path, this.filesPath);
      },
      onClose: () => {
        if (this.running.get(id)?.vm === vm) this.running.delete(id);
      },
    });
    const entry = { vm, process: process_ };
    this.running.set(id, entry);
    vm.onStatus(({ state }) => {
      if (state === 'QUIT' && this.running.get(id) === entry) this.running.delete(id);
    });
    return vm;
  }

  private async prepareFolder(id: number): Promise<void> {
    const folder = this.folderOf(id);
    await mkdir(this.work, { recursive: true, mode: 0o700 });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const user = this.userOf(id);
    if (user === null) return;
    await ensurePassable(folder, this.base);
    await chown(folder, user, user);
    await chmod(folder, 0o700);
  }

  /** Disks as QEMU opens them: with snapshot an overlay each, which stays for the next start. */
  private async prepareDisks({ id, disks, config }: LaunchRequest['machine']): Promise<QemuDisk[]> {
    const user = this.userOf(id);
    return Promise.all(
      disks.map(async (disk, index) => {
        if (!config.snapshot) {
          if (user !== null) await grantWrite(disk.path, this.filesPath, user);
          return disk;
        }
        if (user !== null) await grantRead(disk.path, this.filesPath);
        const overlay = join(this.folderOf(id), overlayName(index));
        if (!existsSync(overlay)) {
          const made = join(this.work, `${id}-${index}.overlay`);
          await rm(made, { force: true });
          await this.makeOverlay(disk, made);
          if (user !== null) await chown(made, user, user);
          await rename(made, overlay);
        }
        return { ...disk, path: overlay, format: 'qcow2' };
      }),
    );
  }

  /** A folder for the one file of its memory, which QEMU opens and unlinks: in that of everybody no other VM's user could write. */
  private async hugepagesOf(id: number, folder: string | undefined): Promise<string | null> {
    if (folder === undefined) return null;
    const own = join(folder, `meshd-${id}`);
    await mkdir(own, { recursive: true, mode: 0o700 });
    const user = this.userOf(id);
    if (user !== null) await chown(own, user, user);
    return own;
  }

  private async startQemu({ machine, reads = [], hugepages: pages }: LaunchRequest): Promise<RunningVm> {
    const { id, config } = machine;
    const { accelerator } = await this.facts();
    const folder = this.folderOf(id);
    // Once before anything is made, with the images in place of overlays.
    const checked = qemuArgs({ ...machine, folder, accelerator });
    if (!checked.ok) throw new AppError('invalid', checked.message);
    await this.prepareFolder(id);
    const user = this.userOf(id);
    const files = [config.kernel, config.initrd, config.cdrom, ...reads].filter((path) => path !== '');
    if (user !== null) for (const path of files) await grantRead(path, this.filesPath);
    const disks = await this.prepareDisks(machine);
    const hugepages = await this.hugepagesOf(id, pages);
    const args = qemuArgs({ ...machine, folder, accelerator, disks, ...(hugepages === null ? {} : { hugepages }) });
    if (!args.ok) throw new AppError('invalid', args.message);
    await rm(this.logOf(id), { force: true });
    const state = config.state === '' ? null : await open(config.state, constants.O_RDONLY | constants.O_NOFOLLOW);
    let vm: QemuVm | null = null;
    try {
      const process_ = await startDetached(
        launchArgv([config.qemu === 'kvm' ? this.qemu : config.qemu, ...args.value], {
          user,
          groups: await this.groups(),
          unit: this.hasSystemd && this.hasRoot ? scopeName(id, Date.now()) : null,
        }),
        {
          logFile: this.logOf(id),
          isCleanEnv: true,
          env: { LC_ALL: 'C' },
          descriptors: state ? [state.fd] : [],
          onExit: () => {
            vm?.ended();
          },
        },
      ).catch(async (error: unknown) => {
        throw new AppError('failed', `QEMU died: ${(await this.lastWords(id)) || describeError(error)}`, {
          cause: error,
        });
      });
      const instance = { id, uuid: machine.uuid, process: process_ };
      vm = this.openRunning(instance, config, true);
      await withDeadline(vm.ready, launchMs, `QEMU runs, but its monitor did not answer within ${launchMs / 1000} s`);
      return vm;
    } catch (error) {
      const entry = this.running.get(id);
      this.running.delete(id);
      vm?.close();
      if (entry) await endProcess(entry.process);
      throw error;
    } finally {
      await state?.close();
      // It is empty once QEMU has its memory.
      if (hugepages !== null) await rmdir(hugepages).catch(() => undefined);
    }
  }

  private async takeOver(instance: Instance, config: VmConfig): Promise<RunningVm | null> {
    if (!isAlive(instance.process)) return null;
    const vm = this.openRunning(instance, config, false);
    try {
      await withDeadline(vm.ready, adoptMs, 'its monitor does not answer');
      const { return: uuid } = z
        .object({ return: z.object({ UUID: z.string() }) })
        .parse(JSON.parse(await vm.qmp({ execute: 'query-uuid' })));
      if (uuid.UUID !== instance.uuid) {
        throw new AppError(
          'conflict',
          `the QEMU with pid ${instance.process.pid} is the VM ${uuid.UUID}, not ${instance.uuid}`,
        );
      }
    } catch (error) {
      // A monitor that hangs is still a VM: it can be killed, and is heard as soon as it answers.
      if (error instanceof AppError && error.code === 'timeout' && isAlive(instance.process)) return vm;
      vm.close();
      this.running.delete(instance.id);
      if (!isAlive(instance.process)) return null;
      throw error;
    }
    return vm;
  }

  /** QEMU names the socket of its monitor, which is this VM's alone, among its words; so do systemd-run and setpriv before they become QEMU. */
  private async endProcessesOf(id: number): Promise<void> {
    const word = `path=${join(this.folderOf(id), socketNames.qmp)}`.replaceAll(',', ',,');
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const found = readProcessIdentity(Number(name));
      const words = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      const isIts = words.split('\0').some((each) => `${each},`.includes(`,${word},`));
      if (found && isIts && Number(name) !== process.pid) await endProcess(found);
    }
  }

  /** One at a time for each VM. */
  private async alone<T>(id: number, does: () => Promise<T>): Promise<T> {
    if (this.running.has(id) || this.busy.has(id)) throw new AppError('conflict', `the VM with id ${id} runs already`);
    this.busy.add(id);
    try {
      return await does();
    } finally {
      this.busy.delete(id);
    }
  }
}

/** Opens what a VM may have put there: a regular file, no link, no pipe. */
async function readFromVm(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > maxBytes) throw new AppError('invalid', `${path} is not a screenshot`);
    const buffer = Buffer.alloc(stats.size);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function endProcess(process_: ProcessIdentity): Promise<void> {
  const signal = (name: NodeJS.Signals) => {
    try {
      if (isAlive(process_)) process.kill(process_.pid, name);
    } catch {
      // It ended between the look and the signal.
    }
  };
  signal('SIGTERM');
  const began = performance.now();
  while (isAlive(process_)) {
    const waited = performance.now() - began;
    if (waited > termMs) signal('SIGKILL');
    if (waited > killMs) {
      throw new AppError(
        'timeout',
        `the QEMU with pid ${process_.pid} does not end: its disk or memory hangs; look with ps and dmesg`,
      );
    }
    await delay(20);
  }
}

const overlayName = (disk: number) => `disk-${disk}.qcow2`;

/** Opens what a VM's user may have put there: a regular file, no link, no pipe. */
async function openOverlay(path: string): Promise<OverlayFile> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause: unknown) => {
      throw new AppError('not-found', `cannot open ${path}: ${describeError(cause)}`, { cause });
    },
  );
  const stats = await file.stat();
  if (!stats.isFile()) {
    await file.close();
    throw new AppError('invalid', `${path} is not the overlay that was made: kill the VM, and look who changed it`);
  }
  return {
    bytes: stats.size,
    async read(offset, length) {
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}

/** The promise, or an AppError `timeout` with this text. */
async function withDeadline(promise: Promise<unknown>, timeoutMs: number, text: string): Promise<void> {
  const deadline = new AbortController();
  try {
    await Promise.race([
      promise,
      delay(timeoutMs, undefined, { signal: deadline.signal, ref: false }).then(() => {
        throw new AppError('timeout', text);
      }),
    ]);
  } finally {
    deadline.abort();
  }
}
