// The small guest: Debian's kernel and static busybox in our own initramfs. It boots in seconds without KVM, has a shell on
// its serial line, and takes its address from the kernel command line or DHCP. guest-init.sh is its init.
import { access, cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { AppError } from '../contract/errors.ts';
import { CommandError, localRunner } from '../host/runner.ts';
import type { Progress } from './image.ts';
import { labSource } from './layout.ts';
import { withLock } from './lock.ts';
import { guestRecipe, recipeKey } from './recipe.ts';

export interface Guest {
  kernel: string;
  initramfs: string;
}

/** The modules that a kernel module needs, from the `depends=` of its .modinfo section (no modprobe in the initramfs). */
export function parseModuleDepends(module: Buffer): string[] {
  const at = module.indexOf('\0depends=');
  if (at < 0) return [];
  const text = module.subarray(at + 9, module.indexOf(0, at + 9)).toString('latin1');
  return text === '' ? [] : text.split(',');
}

/** Modules in an order in which each comes after those it needs. @throws AppError `not-found` for an unknown module */
export function orderModules(wanted: readonly string[], dependsOf: (name: string) => readonly string[]): string[] {
  const order: string[] = [];
  const add = (name: string) => {
    if (order.includes(name)) return;
    for (const needed of dependsOf(name)) add(needed);
    order.push(name);
  };
  for (const name of wanted) add(name);
  return order;
}

/** Downloads a Debian package with this host's apt and unpacks it, without installing it. */
async function unpackPackage(name: string, folder: string): Promise<void> {
  const download = join(folder, `download-${name}`);
  await mkdir(download, { recursive: true });
  try {
    await localRunner.run(['apt-get', 'download', name], { cwd: download, timeoutMs: 300_000 });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new AppError('failed', `no package ${name} from apt: \`apt-get update\` first (${error.stderr.trim()})`);
  }
  const [file] = await readdir(download);
  if (file === undefined) throw new AppError('failed', `apt-get download ${name} left no file`);
  await localRunner.run(['dpkg-deb', '-x', join(download, file), join(folder, name)], { timeoutMs: 120_000 });
}

/** The package of the newest kernel, which the meta package depends on. */
async function findKernelPackage(): Promise<string> {
  const { stdout } = await localRunner.run(['apt-cache', 'depends', guestRecipe.kernelPackage]);
  const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
  if (name === undefined) throw new AppError('failed', `apt knows no ${guestRecipe.kernelPackage}: \`apt-get update\``);
  return name;
}

/** Path of each kernel module below a folder, by its name with underscores. */
async function findModules(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true });
  const files = entries.filter((path) => path.endsWith('.ko'));
  return new Map(files.map((path) => [basename(path, '.ko').replaceAll('-', '_'), join(folder, path)]));
}

async function copyModules(kernelFolder: string, target: string): Promise<void> {
  const paths = await findModules(join(kernelFolder, 'lib/modules'));
  const contents = new Map<string, Buffer>();
  const read = async (name: string): Promise<void> => {
    const path = paths.get(name);
    if (path === undefined) throw new AppError('not-found', `the kernel has no module ${name}`);
    if (contents.has(name)) return;
    const content = await readFile(path);
    contents.set(name, content);
    for (const needed of parseModuleDepends(content)) await read(needed);
  };
  for (const name of guestRecipe.modules) await read(name);
  const order = orderModules(guestRecipe.modules, (name) => parseModuleDepends(contents.get(name) ?? Buffer.alloc(0)));
  await mkdir(target, { recursive: true });
  for (const [name, content] of contents) await writeFile(join(target, `${name}.ko`), content);
  await writeFile(join(target, 'order'), `${order.join('\n')}\n`);
}

async function buildGuest(scratch: string, target: string): Promise<void> {
  const kernelPackage = await findKernelPackage();
  await unpackPackage(kernelPackage, scratch);
  await unpackPackage(guestRecipe.busyboxPackage, scratch);
  const root = join(scratch, 'root');
  for (const folder of ['bin', 'etc', 'modules']) await mkdir(join(root, folder), { recursive: true });
  await cp(join(scratch, guestRecipe.busyboxPackage, 'bin/busybox'), join(root, 'bin/busybox'));
  await cp(join(labSource, 'guest-init.sh'), join(root, 'init'));
  await cp(join(labSource, 'guest-dhcp.sh'), join(root, 'etc/dhcp.sh'));
  // The kernel runs /init through its first line, which wants this path.
  await localRunner.run(['ln', '-s', 'busybox', join(root, 'bin/sh')]);
  await copyModules(join(scratch, kernelPackage), join(root, 'modules'));
  const names = (await readdir(root, { recursive: true })).sort().join('\n');
  const archive = join(scratch, 'initramfs.cpio');
  const pack = ['cpio', '--quiet', '--create', '--format=newc', '--owner=0:0', `--file=${archive}`];
  await localRunner.run(pack, { cwd: root, stdin: `${names}\n` });
  await mkdir(target, { recursive: true });
  await writeFile(join(target, 'initramfs.gz'), await promisify(gzip)(await readFile(archive)));
  const boot = join(scratch, kernelPackage, 'boot');
  const kernel = (await readdir(boot)).find((name) => name.startsWith('vmlinuz-'));
  if (kernel === undefined) throw new AppError('failed', `${kernelPackage} holds no kernel`);
  await cp(join(boot, kernel), join(target, 'vmlinuz'));
}

/** The guest's kernel and initramfs, built when the cache does not have them (some seconds, and a download of 70 MB). */
export async function ensureGuest(cache: string, progress: Progress): Promise<Guest> {
  const scripts = await Promise.all(
    ['init', 'dhcp'].map((name) => readFile(join(labSource, `guest-${name}.sh`), 'utf8')),
  );
  const key = recipeKey('guest', { ...guestRecipe, scripts });
  const folder = join(cache, key);
  const guest: Guest = { kernel: join(folder, 'vmlinuz'), initramfs: join(folder, 'initramfs.gz') };
  const isBuilt = () =>
    access(folder).then(
      () => true,
      () => false,
    );
  if (await isBuilt()) return guest;
  await mkdir(cache, { recursive: true });
  await withLock(join(cache, `${key}.lock`), { waitMs: 600_000, what: `the guest ${key}` }, async () => {
    if (await isBuilt()) return;
    const scratch = await mkdtemp(join(tmpdir(), 'meshdeck-guest-'));
    const partial = `${folder}.partial`;
    try {
      await rm(partial, { recursive: true, force: true });
      await buildGuest(scratch, partial);
      await rename(partial, folder);
    } finally {
      await rm(scratch, { recursive: true, force: true });
      await rm(partial, { recursive: true, force: true });
    }
    const { size } = await stat(guest.initramfs);
    progress(`guest ${key}: built, initramfs of ${Math.round(size / 1000)} kB`);
  });
  return guest;
}
