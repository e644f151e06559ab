// What the nodes' image is made of, as data, and the key under which a built one is cached. Building is image.ts.
import { createHash } from 'node:crypto';

/** Debian 12 as its installer leaves a server without extra tasks: required and important packages, and these. */
export const nodeRecipe = {
  /** Raise it when image.ts changes what it does to a fresh tree. */
  revision: 1,
  suite: 'bookworm',
  variant: 'important',
  packages: [
    'dbus', // systemctl and logind speak over it
    'libpam-systemd', // sessions of SSH logins
    'openssh-server',
    'sudo',
    'ca-certificates',
    'openvswitch-switch', // the guide's bridge
    'qemu-system-x86', // the guide's VMs; no recommends: no graphical windows on a server
    'qemu-utils',
    'dnsmasq-base', // DHCP for VMs; lab nodes reach no mirror, so all that a node wants must be there (core/plans/nodes/preflight)
    'tcpdump', // captures of VMs' packets
  ],
  /** Left out of every package: a node is for running, and ten of them share one disk. */
  excludedPaths: ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/info/*', '/usr/share/locale/*'],
  /** Timers that would all fire on the first boot of every node, and compete with what is measured. */
  maskedUnits: [
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
    'e2scrub_all.timer',
    'e2scrub_reap.service',
    'fstrim.timer',
    'logrotate.timer',
    'man-db.timer',
  ],
  /** As the installer writes it, but `auto`: nodes have no udev, and allow-hotplug waits for its event. */
  interfaces: `# The loopback network interface
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

# The primary network interface
auto eth0
iface eth0 inet dhcp
`,
} as const;

/** Who configures a node's eth0. */
export const nodeOwners = ['ifupdown', 'networkmanager', 'networkd', 'netplan'] as const;
export type NodeOwner = (typeof nodeOwners)[number];

export interface NodeRecipe {
  readonly revision: number;
  readonly suite: string;
  readonly variant: string;
  readonly packages: readonly string[];
  readonly excludedPaths: readonly string[];
  readonly maskedUnits: readonly string[];
  readonly interfaces: string;
  /** Files beyond those of packages: paths below the root and their content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Symbolic links, by where they lie. */
  readonly links?: Readonly<Record<string, string>>;
}

const loopbackOnly = `# The loopback network interface
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback
`;

const networkdRecipe: NodeRecipe = {
  ...nodeRecipe,
  packages: [...nodeRecipe.packages, 'systemd-resolved'],
  interfaces: loopbackOnly,
  files: { 'etc/systemd/network/10-eth0.network': '[Match]\nName=eth0\n\n[Network]\nDHCP=yes\n' },
  links: {
    'etc/resolv.conf': '../run/systemd/resolve/stub-resolv.conf',
    'etc/systemd/system/multi-user.target.wants/systemd-networkd.service':
      '/lib/systemd/system/systemd-networkd.service',
    'etc/systemd/system/sockets.target.wants/systemd-networkd.socket': '/lib/systemd/system/systemd-networkd.socket',
    'etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service':
      '/lib/systemd/system/systemd-networkd-wait-online.service',
    'etc/systemd/system/dbus-org.freedesktop.network1.service': '/lib/systemd/system/systemd-networkd.service',
  },
};

/** The node's image by owner; ifupdown's is the guide's. */
export const nodeRecipes: Readonly<Record<NodeOwner, NodeRecipe>> = {
  ifupdown: nodeRecipe,
  networkmanager: {
    ...nodeRecipe,
    packages: [...nodeRecipe.packages, 'network-manager'],
    interfaces: loopbackOnly,
    files: {
      // NetworkManager makes no profile for a veth automatically, and a node's eth0 is a veth.
      'etc/NetworkManager/system-connections/wired.nmconnection':
        '[connection]\nid=wired\ntype=ethernet\ninterface-name=eth0\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n',
    },
  },
  networkd: networkdRecipe,
  netplan: {
    ...networkdRecipe,
    packages: [...networkdRecipe.packages, 'netplan.io'],
    files: {
      'etc/netplan/50-eth0.yaml':
        'network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eth0:\n      dhcp4: true\n',
    },
    // `netplan apply` has udev look at every NIC again; nodes have no udev, and /sys is read-only to them.
    links: { ...networkdRecipe.links, 'usr/local/sbin/udevadm': '/bin/true' },
  },
};

/** An owner's image with further packages of the suite; their order does not matter. */
export function describeNodeRecipe(owner: NodeOwner, extra: readonly string[]): NodeRecipe {
  const recipe = nodeRecipes[owner];
  const packages = [...new Set(extra)].filter((name) => !recipe.packages.includes(name)).sort();
  return packages.length === 0 ? recipe : { ...recipe, packages: [...recipe.packages, ...packages] };
}

/** The guest VM's recipe: Debian's kernel and static busybox, in our own initramfs. */
export const guestRecipe = {
  revision: 1,
  kernelPackage: 'linux-image-amd64',
  busyboxPackage: 'busybox-static',
  /** Drivers of the NICs and disks that QEMU offers, each after those it needs. */
  modules: ['virtio_pci', 'virtio_net', 'e1000', 'virtio_blk', 'virtio_console', '8021q', 'button', 'evdev'],
} as const;

/** The key of a recipe: the same ingredients give the same key, whatever their order in the object. */
export function recipeKey(kind: 'node' | 'guest', recipe: object): string {
  const sorted = Object.fromEntries(Object.entries(recipe).sort(([a], [b]) => (a < b ? -1 : 1)));
  const digest = createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 12);
  return `${kind}-${digest}`;
}

/**
 * The argv that builds the image's tree. `sources` are apt sources (a file's path, or none for mmdebstrap's own default)
 * so that this repository names no mirror.
 */
export function describeImageBuild(recipe: NodeRecipe, target: string, sources: string | null): string[] {
  return [
    'mmdebstrap',
    '--mode=root',
    `--variant=${recipe.variant}`,
    '--aptopt=APT::Install-Recommends "false"',
    ...recipe.excludedPaths.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--include=${recipe.packages.join(',')}`,
    recipe.suite,
    target,
    ...(sources === null ? [] : [sources]),
  ];
}

/** One line of `apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)'` each. */
export const indexTargetsFormat = '$(SITE) $(RELEASE) $(COMPONENT)';

/** The lines of this host's apt sources that hold the suite (and its updates), as a sources.list; null when none do. */
export function sourcesOfSuite(indexTargets: string, suite: string): string | null {
  const lines = new Set<string>();
  for (const line of indexTargets.split('\n')) {
    const [site, release, component] = line.trim().split(/\s+/);
    if (site === undefined || release === undefined || component === undefined) continue;
    if (release === suite || release === `${suite}-updates` || release === `${suite}-security`) {
      lines.add(`deb ${site} ${release} ${component}`);
    }
  }
  const list = [...lines];
  // Without the suite itself the updates alone cannot make a system.
  return list.some((line) => line.split(' ')[2] === suite) ? `${list.join('\n')}\n` : null;
}
