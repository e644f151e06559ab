// The nodes' image: a folder that every node has below its own writable layer, built once per recipe and never written
// to afterwards.
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError, localRunner } from '../host/runner.ts';
import { withLock } from './lock.ts';
import { removeWithMounts } from './mounts.ts';
import {
  describeImageBuild,
  describeNodeRecipe,
  indexTargetsFormat,
  recipeKey,
  sourcesOfSuite,
  type NodeOwner,
  type NodeRecipe,
} from './recipe.ts';

/** Reports each step in one line. */
export type Progress = (line: string) => void;

/** This host's own apt sources of the suite, or null on a host that has none (another suite or distribution). */
async function observeSources(suite: string): Promise<string | null> {
  try {
    const { stdout } = await localRunner.run(['apt-get', 'indextargets', '--format', indexTargetsFormat]);
    return sourcesOfSuite(stdout, suite);
  } catch (error) {
    if (error instanceof CommandError) return null;
    throw error;
  }
}

/** Removes a fresh tree's identity: each node gets its own keys and machine-id, and no node has the builder's resolver. */
async function neutralise(root: string, recipe: NodeRecipe): Promise<void> {
  for (const file of await readdir(join(root, 'etc/ssh'))) {
    if (file.startsWith('ssh_host_')) await rm(join(root, 'etc/ssh', file));
  }
  await rm(join(root, 'etc/machine-id'), { force: true });
  await rm(join(root, 'var/lib/dbus/machine-id'), { force: true });
  await rm(join(root, 'etc/resolv.conf'), { force: true });
  await rm(join(root, 'etc/hostname'), { force: true });
  await writeFile(join(root, 'etc/network/interfaces'), recipe.interfaces);
  for (const unit of recipe.maskedUnits) {
    const path = join(root, 'etc/systemd/system', unit);
    await rm(path, { force: true });
    await symlink('/dev/null', path);
  }
  for (const [path, content] of Object.entries(recipe.files ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
    // NetworkManager reads no profile that others may read, and netplan complains of such a file.
    if (/\.(nmconnection|yaml)$/.test(path)) await chmod(join(root, path), 0o600);
  }
  for (const [path, target] of Object.entries(recipe.links ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rm(join(root, path), { force: true });
    await symlink(target, join(root, path));
  }
  // No database of the build may differ from those that the nodes' own services make at their first start.
  for (const file of ['conf.db', '.conf.db.~lock~', 'system-id.conf']) {
    await rm(join(root, 'etc/openvswitch', file), { force: true });
  }
  for (const folder of ['var/cache/apt/archives', 'var/lib/apt/lists']) {
    for (const file of await readdir(join(root, folder)).catch(() => [])) {
      if (file !== 'partial' && file !== 'lock') await rm(join(root, folder, file), { recursive: true, force: true });
    }
  }
}

/**
 * The image of an owner's current recipe and of packages beyond it, built when the cache does not have it (under a minute, about 0.4 GB).
 * @returns its key, which is its folder's name below `cache`
 */
export async function ensureImage(
  cache: string,
  progress: Progress,
  {
    owner = 'ifupdown',
    extra = [],
  }: { readonly owner?: NodeOwner | undefined; readonly extra?: readonly string[] | undefined } = {},
): Promise<string> {
  const recipe = describeNodeRecipe(owner, extra);
  const key = recipeKey('node', recipe);
  const folder = join(cache, key);
  const isBuilt = () =>
    access(folder).then(
      () => true,
      () => false,
    );
  if (await isBuilt()) return key;
  await mkdir(cache, { recursive: true });
  return withLock(join(cache, `${key}.lock`), { waitMs: 600_000, what: `the image ${key}` }, async () => {
    if (await isBuilt()) return key;
    progress(`image ${key}: building with mmdebstrap`);
    const startedAt = performance.now();
    const partial = `${folder}.partial`;
    await removeWithMounts(partial);
    const scratch = await mkdtemp(join(tmpdir(), 'meshdeck-lab-'));
    try {
      const sources = await observeSources(recipe.suite);
      const sourcesFile = join(scratch, 'sources.list');
      if (sources !== null) await writeFile(sourcesFile, sources);
      const argv = describeImageBuild(recipe, partial, sources === null ? null : sourcesFile);
      await localRunner.run(argv, {
        timeoutMs: 900_000,
        // Debian's own programs only: mmdebstrap starts python3 for each package, and the shim of a version manager that comes
        // first takes longer than the unpacking.
        env: { LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      });
      await neutralise(partial, recipe);
      await rename(partial, folder);
    } finally {
      await rm(scratch, { recursive: true, force: true });
      await removeWithMounts(partial);
    }
    progress(`image ${key}: built in ${Math.round((performance.now() - startedAt) / 1000)} s`);
    return key;
  });
}
