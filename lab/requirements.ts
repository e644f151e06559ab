// What the machine must have to host a lab, checked before anything is changed, with what is missing named.
import { access, constants, readFile, readdir, readlink } from 'node:fs/promises';
import { AppError } from '../contract/errors.ts';

/** Programs that the lab runs, and the package of packages.txt that holds each. */
const programs: Record<string, string> = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  'ovsdb-server': 'openvswitch-switch',
  'ovs-vswitchd': 'openvswitch-switch',
  'ovs-vsctl': 'openvswitch-switch',
  dnsmasq: 'dnsmasq-base',
  ip: 'iproute2',
  ethtool: 'ethtool',
};

async function isProgram(name: string): Promise<boolean> {
  // Roots of other distributions may lack /usr/sbin in PATH, where most of these live.
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  for (const folder of folders) {
    if (folder && (await access(`${folder}/${name}`, constants.X_OK).then(...yesOrNo))) return true;
  }
  return false;
}

const yesOrNo = [() => true, () => false] as const;

/** Sentences on what this machine lacks for a lab; none when it can host one. */
export async function observeMissing(): Promise<string[]> {
  if (process.platform !== 'linux') return [`this is ${process.platform}: a lab needs Linux`];
  const missing: string[] = [];
  if (process.getuid?.() !== 0) missing.push('not root: a lab makes namespaces and mounts (sudo npm run lab -- …)');
  const packages = new Set<string>();
  for (const [program, name] of Object.entries(programs)) if (!(await isProgram(program))) packages.add(name);
  if (packages.size > 0) missing.push(`missing packages: apt-get install ${[...packages].sort().join(' ')}`);
  const filesystems = await readFile('/proc/filesystems', 'utf8');
  if (!/\boverlay$/m.test(filesystems)) missing.push('no overlayfs in this kernel (modprobe overlay)');
  if (!(await access('/dev/net/tun').then(...yesOrNo))) missing.push('no /dev/net/tun in this machine (modprobe tun)');
  return missing;
}

/** @throws AppError `refused` that names all that is missing */
export async function assertCanHost(): Promise<void> {
  const missing = await observeMissing();
  if (missing.length > 0) throw new AppError('refused', `this machine cannot host a lab: ${missing.join('; ')}`);
}

/** systemd, logind and dbus of one node hold this many inotify instances (Debian 12, counted). */
const inotifyPerNode = 7;

/** inotify instances in use on this machine. Those of all nodes count for the one user root. */
async function countInotify(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const counts = await Promise.all(
    pids.map(async (pid) => {
      const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
      const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
      return targets.filter((target) => target === 'anon_inode:inotify').length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * A node whose systemd gets no inotify instance dies at its start, and the kernel's default of 128 is enough for 18 nodes.
 * The limit is the whole machine's, so the lab does not raise it.
 * @throws AppError `refused` that says to what to raise it
 */
export async function assertInotify(newNodes: number): Promise<void> {
  const limit = Number(await readFile('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
  const needed = (await countInotify()) + newNodes * inotifyPerNode;
  if (needed <= limit) return;
  throw new AppError(
    'refused',
    `${newNodes} more nodes need ${needed} inotify instances with what runs now, this machine allows ${limit}: ` +
      `\`sysctl fs.inotify.max_user_instances=${Math.max(1024, needed * 2)}\`, or end another lab`,
  );
}
