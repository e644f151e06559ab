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
  const { base, filesPath, runner, makeOverlay, qemu = 'qemu-system-x86_64', kvmDevice = '/dev/kvm' } = options;
  const hasRoot = process.getuid?.() === 0;
  const hasSystemd = existsSync('/run/systemd/system');
  const running = new Map<number, { vm: QemuVm; process: ProcessIdentity }>();
  /** Ids that a launch or an adoption is busy with. */
  const busy = new Set<number>();
  let known: Promise<HypervisorFacts> | null = null;

  const folderOf = (id: number) => join(base, String(id));
  const work = join(base, 'vm-work');
  const logOf = (id: number) => join(work, `${id}.log`);
  const userOf = (id: number) => (hasRoot ? vmUser(id) : null);

  async function groups(): Promise<number[]> {
    const kvm = await stat(kvmDevice).catch(() => null);
    // Without udev's rules the device is root's group's, whose files a VM must not read.
    const mayUse = kvm !== null && kvm.gid !== 0 && (kvm.mode & 0o060) === 0o060;
    return mayUse ? [imagesGroup, kvm.gid] : [imagesGroup];
  }

  async function observe(): Promise<HypervisorFacts> {
    const version = await runner.run([qemu, '-version']).catch((cause: unknown) => {
      throw new AppError('failed', `no QEMU on this node: install qemu-system-x86 (${describeError(cause)})`, {
        cause,
      });
    });
    const parsed = parseVersion(version.stdout);
    const mayUse = await groups();
    const choose = () =>
      chooseAccelerator(runner, qemu, {
        kvmDevice,
        // The user of no VM: ids begin at 0, and this one runs for a moment.
        prefix: (argv) => launchArgv(argv, { user: userOf(0), groups: mayUse, unit: null }),
      });
    const [catalogue, choice] = await Promise.all([
      rememberedCatalogue(join(base, 'catalogue'), version.stdout.split('\n', 1)[0] ?? '', { runner, qemu }),
      rememberedAccelerator(join(base, 'accelerator'), parsed, { choose, kvmDevice }),
    ]);
    return { version: parsed, ...choice, catalogue };
  }

  function facts(): Promise<HypervisorFacts> {
    known ??= observe().catch((error: unknown) => {
      known = null;
      throw error;
    });
    return known;
  }

  async function lastWords(id: number): Promise<string> {
    const file = await open(logOf(id), 'r').catch(() => null);
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

  function openRunning(instance: Instance, config: VmConfig, isNew: boolean): QemuVm {
    const { id, process: process_ } = instance;
    const folder = folderOf(id);
    const vm = openVm({
      name: `the VM with id ${id}`,
      qmpPath: join(folder, socketNames.qmp),
      isNew,
      isPcie: config.machine.includes('q35'),
      usbVersion2Bus: config.usbUseXhci ? 'xhci.0' : 'ehci.0',
      isAlive: () => isAlive(process_),
      end: () => endProcess(process_),
      lastWords: () => lastWords(id),
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
      openSink: (write) => openStateSink(join(base, 'vm-save'), { id, user: userOf(id) }, write),
      openSocket: (name) => openVmSocket(join(folder, name), userOf(id)),
      grant: async (path) => {
        if (userOf(id) !== null) await grantRead(path, filesPath);
      },
    });
    const entry = { vm, process: process_ };
    running.set(id, entry);
    vm.onStatus(({ state }) => {
      if (state === 'QUIT' && running.get(id) === entry) running.delete(id);
    });
    return vm;
  }

  function asRunning(instance: Instance, vm: QemuVm): RunningVm {
    const { ready: _ready, ended: _ended, ...rest } = vm;
    return {
      ...rest,
      instance,
      // A getter would be copied as the value of that moment.
      get status() {
        return vm.status;
      },
      close() {
        vm.close();
        if (running.get(instance.id)?.vm === vm) running.delete(instance.id);
      },
    };
  }

  async function prepareFolder(id: number): Promise<void> {
    const folder = folderOf(id);
    await mkdir(work, { recursive: true, mode: 0o700 });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const user = userOf(id);
    if (user === null) return;
    await ensurePassable(folder, base);
    await chown(folder, user, user);
    await chmod(folder, 0o700);
  }

  /** Disks as QEMU opens them: with snapshot an overlay each, which stays for the next start. */
  async function prepareDisks({ id, disks, config }: LaunchRequest['machine']): Promise<QemuDisk[]> {
    const user = userOf(id);
    return Promise.all(
      disks.map(async (disk, index) => {
        if (!config.snapshot) {
          if (user !== null) await grantWrite(disk.path, filesPath, user);
          return disk;
        }
        if (user !== null) await grantRead(disk.path, filesPath);
        const overlay = join(folderOf(id), overlayName(index));
        if (!existsSync(overlay)) {
          const made = join(work, `${id}-${index}.overlay`);
          await rm(made, { force: true });
          await makeOverlay(disk, made);
          if (user !== null) await chown(made, user, user);
          await rename(made, overlay);
        }
        return { ...disk, path: overlay, format: 'qcow2' };
      }),
    );
  }

  /** A folder for the one file of its memory, which QEMU opens and unlinks: in that of everybody no other VM's user could write. */
  async function hugepagesOf(id: number, folder: string | undefined): Promise<string | null> {
    if (folder === undefined) return null;
    const own = join(folder, `meshd-${id}`);
    await mkdir(own, { recursive: true, mode: 0o700 });
    const user = userOf(id);
    if (user !== null) await chown(own, user, user);
    return own;
  }

  async function launch({ machine, reads = [], hugepages: pages }: LaunchRequest): Promise<RunningVm> {
    const { id, config } = machine;
    const { accelerator } = await facts();
    const folder = folderOf(id);
    // Once before anything is made, with the images in place of overlays.
    const checked = qemuArgs({ ...machine, folder, accelerator });
    if (!checked.ok) throw new AppError('invalid', checked.message);
    await prepareFolder(id);
    const user = userOf(id);
    const files = [config.kernel, config.initrd, config.cdrom, ...reads].filter((path) => path !== '');
    if (user !== null) for (const path of files) await grantRead(path, filesPath);
    const disks = await prepareDisks(machine);
    const hugepages = await hugepagesOf(id, pages);
    const args = qemuArgs({ ...machine, folder, accelerator, disks, ...(hugepages === null ? {} : { hugepages }) });
    if (!args.ok) throw new AppError('invalid', args.message);
    await rm(logOf(id), { force: true });
    const state = config.state === '' ? null : await open(config.state, constants.O_RDONLY | constants.O_NOFOLLOW);
    let vm: QemuVm | null = null;
    try {
      const process_ = await startDetached(
        launchArgv([config.qemu === 'kvm' ? qemu : config.qemu, ...args.value], {
          user,
          groups: await groups(),
          unit: hasSystemd && hasRoot ? scopeName(id, Date.now()) : null,
        }),
        {
          logFile: logOf(id),
          isCleanEnv: true,
          env: { LC_ALL: 'C' },
          descriptors: state ? [state.fd] : [],
          onExit: () => {
            vm?.ended();
          },
        },
      ).catch(async (error: unknown) => {
        throw new AppError('failed', `QEMU died: ${(await lastWords(id)) || describeError(error)}`, { cause: error });
      });
      const instance = { id, uuid: machine.uuid, process: process_ };
      vm = openRunning(instance, config, true);
      await withDeadline(vm.ready, launchMs, `QEMU runs, but its monitor did not answer within ${launchMs / 1000} s`);
      return asRunning(instance, vm);
    } catch (error) {
      const entry = running.get(id);
      running.delete(id);
      vm?.close();
      if (entry) await endProcess(entry.process);
      throw error;
    } finally {
      await state?.close();
      // It is empty once QEMU has its memory.
      if (hugepages !== null) await rmdir(hugepages).catch(() => undefined);
    }
  }

  async function adopt(instance: Instance, config: VmConfig): Promise<RunningVm | null> {
    if (!isAlive(instance.process)) return null;
    const vm = openRunning(instance, config, false);
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
      if (error instanceof AppError && error.code === 'timeout' && isAlive(instance.process))
        return asRunning(instance, vm);
      vm.close();
      running.delete(instance.id);
      if (!isAlive(instance.process)) return null;
      throw error;
    }
    return asRunning(instance, vm);
  }

  /** QEMU names the socket of its monitor, which is this VM's alone, among its words; so do systemd-run and setpriv before they become QEMU. */
  async function endStray(id: number): Promise<void> {
    const word = `path=${join(folderOf(id), socketNames.qmp)}`.replaceAll(',', ',,');
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const found = readProcessIdentity(Number(name));
      const words = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      const isIts = words.split('\0').some((each) => `${each},`.includes(`,${word},`));
      if (found && isIts && Number(name) !== process.pid) await endProcess(found);
    }
  }

  /** One at a time for each VM. */
  async function alone<T>(id: number, does: () => Promise<T>): Promise<T> {
    if (running.has(id) || busy.has(id)) throw new AppError('conflict', `the VM with id ${id} runs already`);
    busy.add(id);
    try {
      return await does();
    } finally {
      busy.delete(id);
    }
  }

  return {
    facts,
    userOf,
    folderOf,
    lastWords,
    openOverlay: (id, disk) => openOverlay(join(folderOf(id), overlayName(disk))),
    launch: (request) => alone(request.machine.id, () => launch(request)),
    adopt: (instance, config) => alone(instance.id, () => adopt(instance, config)),
    endStray: (id) => alone(id, () => endStray(id)),
    async remove(id) {
      if (running.has(id) || busy.has(id)) throw new AppError('conflict', `the VM with id ${id} runs: kill it first`);
      await rm(folderOf(id), { recursive: true, force: true });
      await rm(logOf(id), { force: true });
      // Overlays that a crash left half-made.
      const names = await readdir(work).catch(() => []);
      for (const name of names) if (name.startsWith(`${id}-`)) await rm(join(work, name), { force: true });
    },
  };
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
