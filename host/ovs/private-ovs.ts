// A test's own Open vSwitch: its own database and sockets in a folder, its own network namespace, the userspace datapath. It uses
// nothing of the machine's switch and alters nothing of its network. For tests and benches; needs root.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild, type Child } from '../child.ts';
import { CommandError, localRunner } from '../runner.ts';
import { LinuxHost, readVlan } from './linux-host.ts';
import { describeVlan } from './switch-host.ts';
import type { HeldTap, SwitchMachine } from './switch-compliance.ts';

const schemaFile = '/usr/share/openvswitch/vswitch.ovsschema';
export const hasOpenVSwitch =
  existsSync('/usr/sbin/ovs-vswitchd') && existsSync(schemaFile) && process.getuid?.() === 0;

const quiet = ['-vsyslog:off', '-vconsole:off', '-vfile:warn'];

/** Opens a tap as QEMU does (TUNSETIFF with IFF_TAP | IFF_NO_PI, linux/if_tun.h), holds it, and sends each line as a frame. */
const holdTap = `
import fcntl, os, struct, sys
tap = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22s', sys.argv[1].encode(), 0x1002, b''))
print('held', flush=True)
for line in sys.stdin:
    os.write(tap, bytes.fromhex(line))
`;

/** What others do to a machine with Open vSwitch, by the programs that they would use. */
export interface SwitchTools {
  /** `argv` that enters the machine. */
  readonly within: readonly string[];
  readonly run: (...argv: string[]) => Promise<string>;
  readonly vsctl: (...args: string[]) => Promise<string>;
}

/** The hands of an administrator on any machine with these tools. */
export function describeWithTools({ within, run, vsctl }: SwitchTools) {
  return {
    async describe(): Promise<string[]> {
      const lines: string[] = [];
      const bridges = (await vsctl('--no-wait', 'list-br')).split('\n').filter(Boolean);
      for (const bridge of bridges) {
        const names = (await vsctl('--no-wait', 'list-ports', bridge)).split('\n').filter(Boolean);
        if (names.length === 0) continue;
        const json = await vsctl('--no-wait', '--format=json', 'list', 'Port', ...names);
        const { headings, data } = JSON.parse(json) as { headings: string[]; data: unknown[][] };
        for (const cells of data) {
          const row = Object.fromEntries(headings.map((heading, index) => [heading, cells[index]]));
          const vlan = readVlan(row);
          lines.push(`${bridge} ${String(row['name'])} ${vlan ? describeVlan(vlan) : 'other'}`);
        }
      }
      const links = JSON.parse(await run('ip', '-j', 'link', 'show')) as {
        ifname: string;
        ifalias?: string;
        flags: string[];
      }[];
      const taps = links.filter(({ ifalias = '' }) => ifalias.startsWith('meshdeck/'));
      lines.push(...taps.map(({ ifname, flags }) => `tap ${ifname} ${flags.includes('UP') ? 'up' : 'down'}`));
      return lines.sort();
    },
    async addBridge(name: string): Promise<void> {
      await vsctl('add-br', name, '--', 'set', 'bridge', name, 'datapath_type=netdev');
    },
    async addPort(bridge: string, name: string): Promise<void> {
      await run('ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap');
      await run('ip', 'link', 'set', name, 'up');
      await vsctl('add-port', bridge, name, 'tag=7');
    },
    deletePort: (name: string) => vsctl('del-port', name),
    deleteMirrors: (bridge: string) => vsctl('clear', 'bridge', bridge, 'mirrors'),
    deleteBridge: (name: string) => vsctl('del-br', name),
    setTag: (name: string, tag: number) => vsctl('set', 'port', name, 'vlan_mode=access', `tag=${tag}`),
    deleteTap: (name: string) => run('ip', 'link', 'del', name),
    lowerTap: (name: string) => run('ip', 'link', 'set', name, 'down'),
    addAddress: (name: string, address: string) => run('ip', 'address', 'add', address, 'dev', name),
    async hold(name: string): Promise<HeldTap> {
      const child = await new Promise<Child>((resolve, reject) => {
        const said: string[] = [];
        const started = startChild([...within, '/usr/bin/python3', '-c', holdTap, name], {
          diesWithParent: true,
          hasInput: true,
          onLine: (line) => {
            said.push(line);
            if (line === 'held') void started.then(resolve);
          },
        });
        void started.then(({ ended }) => ended).then(() => reject(new Error(said.join('\n'))), reject);
      });
      return { send: (frame) => child.write(`${frame.toString('hex')}\n`), letGo: () => child.stop() };
    },
  };
}

export class PrivateOvs {
  readonly folder: string;
  /** `argv` that enters its network namespace. */
  readonly within: readonly string[];
  private readonly holder: Child;
  private database: Child | null = null;
  private switch: Child | null = null;

  private constructor(folder: string, holder: Child) {
    this.folder = folder;
    this.holder = holder;
    this.within = ['nsenter', `--net=/proc/${holder.pid}/ns/net`, '--'];
  }

  static async start(): Promise<PrivateOvs> {
    const folder = await mkdtemp(join(tmpdir(), 'ovs-'));
    const ovs = new PrivateOvs(folder, await startNamespace());
    await ovs.run('ip', 'link', 'set', 'lo', 'up');
    await ovs.createDatabase();
    await ovs.startDatabase();
    await ovs.startSwitch();
    return ovs;
  }

  async stop(): Promise<void> {
    await this.switch?.stop();
    await this.database?.stop();
    await this.holder.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  host(log: (text: string) => void = () => undefined): LinuxHost {
    return new LinuxHost({ runFolder: this.folder, within: this.within, log: (_level, text) => log(text) });
  }

  async run(...argv: string[]): Promise<string> {
    return (await localRunner.run([...this.within, ...argv])).stdout;
  }

  async vsctl(...args: string[]): Promise<string> {
    return (await localRunner.run(['ovs-vsctl', `--db=unix:${this.folder}/db.sock`, '--timeout=20', ...args])).stdout;
  }

  async startDatabase(): Promise<void> {
    const remote = `--remote=punix:${this.folder}/db.sock`;
    const control = `--unixctl=${this.folder}/ovsdb-server.ctl`;
    this.database = await this.daemon(['ovsdb-server', ...quiet, remote, control, join(this.folder, 'conf.db')]);
    await this.until(() => this.vsctl('--no-wait', 'init'));
  }

  async startSwitch(): Promise<void> {
    const control = `--unixctl=${this.folder}/ovs-vswitchd.ctl`;
    this.switch = await this.daemon([...this.within, 'ovs-vswitchd', ...quiet, control, `unix:${this.folder}/db.sock`]);
  }

  async stopSwitch(): Promise<void> {
    await this.switch?.stop();
    this.switch = null;
  }

  /** Unless it runs. */
  async ensureSwitch(): Promise<void> {
    if (!this.switch) await this.startSwitch();
  }

  /** A cable from here to another one, with the name of each end. */
  async plugInto(other: PrivateOvs, own: string, theirs: string): Promise<void> {
    const peer = ['type', 'veth', 'peer', 'name', theirs, 'netns', String(other.holder.pid)];
    await this.run('ip', 'link', 'add', 'name', own, ...peer);
    for (const [ovs, end] of [
      [this, own],
      [other, theirs],
    ] as const) {
      await ovs.run('ethtool', '-K', end, 'tx', 'off');
      await ovs.run('ip', 'link', 'set', end, 'up');
    }
  }

  /** Debian's unit of the switch stops with that of its database. */
  async stopDatabase(): Promise<void> {
    await this.stopSwitch();
    await this.database?.stop();
  }

  async createDatabase(): Promise<void> {
    await rm(join(this.folder, 'conf.db'), { force: true });
    await localRunner.run(['ovsdb-tool', 'create', join(this.folder, 'conf.db'), schemaFile]);
  }

  private daemon(argv: readonly string[]): Promise<Child> {
    const env = { OVS_RUNDIR: this.folder, OVS_LOGDIR: this.folder, OVS_DBDIR: this.folder };
    return startChild(argv, { diesWithParent: true, env });
  }

  private async until(run: () => Promise<unknown>): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await run();
        return;
      } catch (error) {
        if (attempt >= 100) throw error;
        await sleep(50);
      }
    }
  }
}

/** Sends frames with these bytes (packet(7)). */
const sendFrames = `
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(('eth0', 0))
for frame in sys.argv[1:]:
    out.send(bytes.fromhex(frame))
`;

/** A guest without a VM: a network namespace with a cable, whose end here has this name. Its own end is eth0. */
export class NamespaceGuest {
  private readonly holder: Child;
  private listener: Child | null = null;
  private captured = '';

  private constructor(holder: Child) {
    this.holder = holder;
  }

  static async plug(ovs: PrivateOvs, cable: string): Promise<NamespaceGuest> {
    const guest = new NamespaceGuest(await startNamespace());
    const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', String(guest.holder.pid)];
    await ovs.run('ip', 'link', 'add', 'name', cable, ...peer);
    // As a guest behind a tap with vnet_hdr=off: it leaves nothing to complete.
    await guest.run('ethtool', '-K', 'eth0', 'tx', 'off');
    await ovs.run('ip', 'link', 'set', cable, 'up');
    await guest.run('ip', 'link', 'set', 'eth0', 'up');
    return guest;
  }

  async run(...argv: string[]): Promise<string> {
    return (await localRunner.run(['nsenter', `--net=/proc/${this.holder.pid}/ns/net`, '--', ...argv])).stdout;
  }

  /** How many of three pings are answered. */
  async ping(to: string): Promise<number> {
    const argv = ['ping', '-c', '3', '-i', '0.2', '-W', '1', to];
    const text = await this.run(...argv).catch((error: unknown) => (error instanceof CommandError ? error.stdout : ''));
    return Number(/(\d+) received/.exec(text)?.[1] ?? 0);
  }

  /** Begins to note what `received` gives. */
  async listen(): Promise<void> {
    const argv = [
      'tcpdump',
      '-i',
      'eth0',
      '-Q',
      'in',
      '-n',
      '-e',
      '-t',
      '-A',
      '-l',
      '--immediate-mode',
      'ether',
      'broadcast',
    ];
    await new Promise<void>((resolve, reject) => {
      const started = startChild(['nsenter', `--net=/proc/${this.holder.pid}/ns/net`, '--', ...argv], {
        diesWithParent: true,
        onLine: (line, stream) => {
          if (stream === 'stdout') this.captured += `${line}\n`;
          else if (line.startsWith('listening on')) resolve();
        },
      });
      started.then((child) => (this.listener = child), reject);
    });
  }

  /** Broadcasts a text behind these tags, the outer one first. */
  async say(text: string, tags: readonly number[] = []): Promise<void> {
    const tagged = tags.map((tag) => `8100${tag.toString(16).padStart(4, '0')}`).join('');
    const source = (await this.mac()).replaceAll(':', '');
    // An ethertype for experiments (IEEE 802, 0x88b5); the shortest frame has 60 bytes.
    const payload = Buffer.from(text.padEnd(60, '.')).toString('hex');
    await this.send([Buffer.from(`ffffffffffff${source}${tagged}88b5${payload}`, 'hex')]);
  }

  async send(frames: readonly Buffer[]): Promise<void> {
    await this.run('/usr/bin/python3', '-c', sendFrames, ...frames.map((frame) => frame.toString('hex')));
  }

  /** Texts that came, each behind the tags that it had: `200.5 text`. */
  received(): string[] {
    return this.captured.split(/^(?=[0-9a-f:]{17} >)/m).flatMap((packet) => {
      const text = /([a-z0-9 -]+)\.{4,}\s*$/.exec(packet)?.[1];
      const tags = [...packet.matchAll(/\bvlan (\d+)/g)].map(([, tag = '']) => tag);
      return text === undefined ? [] : [[tags.join('.'), text].filter(Boolean).join(' ')];
    });
  }

  /** Packets that came with this in what tcpdump says about them. */
  heard(text: string): number {
    return this.captured.split(/^(?=[0-9a-f:]{17} >)/m).filter((packet) => packet.includes(text)).length;
  }

  async mac(): Promise<string> {
    return /link\/ether (\S+)/.exec(await this.run('ip', 'link', 'show', 'eth0'))?.[1] ?? '';
  }

  async stop(): Promise<void> {
    await this.listener?.stop();
    await this.holder.stop();
  }
}

/** A process that keeps a new network namespace. */
async function startNamespace(): Promise<Child> {
  const holder = await startChild(['unshare', '--net', 'sleep', 'infinity'], { diesWithParent: true });
  // unshare(1) becomes sleep(1) once it has its namespace.
  while (!(await readFile(`/proc/${holder.pid}/comm`, 'utf8')).startsWith('sleep')) await sleep(5);
  return holder;
}

/** A private Open vSwitch as the machine of the compliance suite. */
export async function startPrivateMachine(): Promise<SwitchMachine & { readonly ovs: PrivateOvs }> {
  const ovs = await PrivateOvs.start();
  const run = (...argv: string[]) => ovs.run(...argv);
  const vsctl = (...args: string[]) => ovs.vsctl(...args);
  return {
    ovs,
    host: () => ovs.host(),
    ...describeWithTools({ within: ovs.within, run, vsctl }),
    stop: (part) => (part === 'database' ? ovs.stopDatabase() : ovs.stopSwitch()),
    start: async (part) => {
      if (part === 'database') await ovs.startDatabase();
      await ovs.startSwitch();
    },
    wipe: async () => {
      await ovs.stopDatabase();
      await ovs.createDatabase();
      await ovs.startDatabase();
      await ovs.startSwitch();
    },
    end: () => ovs.stop(),
  };
}
