// For tests: the VMs of a node over a machine, a hypervisor, files and a disk in memory. What outlives meshd stays when it is killed.
import { AppError } from '../../contract/errors.ts';
import { defaultConfig, type VmConfig } from '../../core/vms/config.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import { resolveChain, type ImageFile } from '../../host/images/chain.ts';
import { kernel, qcow2, rawDisk } from '../../host/images/made-images.ts';
import { MemoryStore } from '../../host/images/memory-image-store.ts';
import { createMemoryHypervisor } from '../../host/qemu/memory-hypervisor.ts';
import type { Hypervisor } from '../../host/qemu/hypervisor.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import type { VmFiles } from './images.ts';
import { MemoryVmStore } from './memory-vm-store.ts';
import { NodeVms } from './node-vms.ts';
import type { VmStore } from './vm-store.ts';
import type { LaunchRequest, PlannedVm } from './vm-host.ts';

export const never = new AbortController().signal;

/** What is on the machine, whether meshd runs or not. */
export class SimulatedMachine {
  readonly clock: VirtualClock;
  readonly name: string;
  readonly disk = new MemoryVmStore();
  readonly network = new MemoryMachine();
  readonly hypervisor = createMemoryHypervisor({
    onHold: (tap, isHeld) => this.network.changeLink(tap, { hasCarrier: isHeld }),
  });
  readonly images: MemoryStore;
  readonly log: string[] = [];
  /** Files that are on their way here, by name. */
  readonly fetches = new Map<string, Promise<void>>();
  memoryMb = 16_384;
  bootId = 'memory';
  private switches: VirtualSwitch[] = [];

  constructor({ clock = new VirtualClock(), name = 'node1', root = '/files' } = {}) {
    this.clock = clock;
    this.name = name;
    this.images = new MemoryStore({ now: () => clock.wallNow(), root });
    this.images.put('disk.qcow2', qcow2({ backing: { file: 'base.qcow2', format: 'qcow2' } }));
    this.images.put('base.qcow2', qcow2());
    this.images.put('data.raw', rawDisk());
    this.images.put('vmlinuz', kernel());
  }

  /** meshd starts. `wrap` puts something between it and the machine. */
  async start(wrap: <T extends object>(part: T) => T = (part) => part): Promise<NodeVms> {
    const log = (text: string) => void this.log.push(text);
    const ports = new VirtualSwitch('cluster1', {
      host: wrap(this.network.host()),
      clock: this.clock,
      log: (level, text) => log(`${level}: ${text}`),
    });
    this.switches.push(ports);
    const vms = await NodeVms.open(
      { host: this.name, bootId: this.bootId },
      {
        store: wrap<VmStore>(this.disk),
        hypervisor: wrap<Hypervisor>(this.hypervisor),
        ports,
        files: this.files(),
        vlans: { resolve: (text) => Promise.resolve(resolved(text)) },
        limits: () => Promise.resolve({ cpus: 4, memoryMb: this.memoryMb }),
        clock: this.clock,
        randomByte: () => Math.floor(Math.random() * 256),
        log: { info: log, warn: log, error: log },
      },
    );
    await vms.start();
    return vms;
  }

  /** kill -9 of meshd. */
  crash(): void {
    this.hypervisor.crash();
    // What it would still have done, it does no more.
    for (const each of this.switches.splice(0)) void each.stop();
  }

  /** Taps and ports of VMs that there are. */
  taps(): string[] {
    const { links, ports } = this.network.host().view();
    return [...new Set([...links.keys(), ...ports.keys()])].filter((name) => name.startsWith('mega_tap')).sort();
  }

  private files(): VmFiles {
    const { images, fetches } = this;
    return {
      store: images,
      async ensure(name, { signal, onProgress } = {}) {
        const fetching = fetches.get(name);
        if (fetching) {
          onProgress?.({
            ...{ name, state: 'fetching', bytes: 100, doneBytes: 0, chunks: 1, doneChunks: 0 },
            ...{ sources: [], leftOut: [], error: '' },
          });
          const given = new Promise<never>((_resolve, reject) => {
            signal?.addEventListener('abort', () => reject(new AppError('cancelled', 'cancelled')), { once: true });
          });
          await Promise.race([fetching, given]);
        }
        await resolveChain(images, name);
        return `${images.root}/${name}`;
      },
      describe: (name): Promise<readonly ImageFile[]> => resolveChain(images, name),
      async missing(name) {
        await resolveChain(images, name);
        return [];
      },
    };
  }
}

function resolved(text: string) {
  const vlan = /^\d+$/.test(text) ? Number(text) : { alpha: 101, beta: 102 }[text];
  if (vlan === undefined) throw new AppError('refused', `no VLAN for ${text} here`);
  return { vlan, name: /^\d+$/.test(text) ? null : { namespace: 'minimega', alias: text }, notes: [] };
}

let macs = 0;
/** One VM of a plan: with NICs on these VLANs, of the bridge mega_bridge. */
export function plan(name: string, config: Partial<VmConfig> = {}, vlans: readonly number[] = []): PlannedVm {
  const networks = vlans.map((vlan) => {
    macs += 1;
    const mac = `02:00:00:00:${(macs >> 8).toString(16).padStart(2, '0')}:${(macs & 255).toString(16).padStart(2, '0')}`;
    return { vlan: String(vlan), bridge: 'mega_bridge', mac, driver: 'e1000', qinq: false };
  });
  macs += 1;
  return {
    name,
    uuid: `00000000-0000-4000-8000-${String(macs).padStart(12, '0')}`,
    config: { ...defaultConfig, memory: 128, networks, ...config },
    vlans: vlans.map((vlan) => ({ vlan, alias: vlan === 101 ? 'alpha' : '' })),
  };
}

export function launchOf(vms: readonly PlannedVm[], launch = 'launch1', namespace = 'minimega'): LaunchRequest {
  return { launch, namespace, vms };
}
