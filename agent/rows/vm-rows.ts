// VMs and their taps as rows: those of this node, and those of nodes that are not in the mesh, as LOST.
import { taps, vms, type TapRow, type VmRow } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import { maxRangeNameLength, maxVmRowItems } from '../../contract/limits.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { VmDirectory } from '../vms/directory.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Switch } from '../vms/switch.ts';
import type { ClusterRows } from './cluster-rows.ts';
import type { RowSink, RowSource } from './source.ts';

const cut = (text: string) => (text.length > maxRangeNameLength ? `${text.slice(0, maxRangeNameLength - 1)}…` : text);

export function vmRow(node: string, record: VmRecord): VmRow {
  const { config } = record;
  const nets = record.nets.slice(0, maxVmRowItems);
  return {
    Node: node,
    Id: record.id,
    Name: record.name,
    Namespace: record.namespace,
    State: record.state,
    Reason: record.reason,
    Uuid: record.uuid,
    Vcpus: config.vcpus,
    Memory: config.memory,
    Accelerator: record.accelerator ?? '',
    SerialPorts: config.serialPorts,
    Launched: record.launchedAtMs,
    Vlans: nets.map(({ vlan }) => vlan),
    Aliases: nets.map(({ alias }) => cut(alias)),
    Macs: nets.map(({ mac }) => mac),
    Tags: Object.entries(config.tags)
      .slice(0, maxVmRowItems)
      .map(([key, value]) => cut(`${key}=${value}`)),
  };
}

/** VMs of this node. */
export function vmSource(node: string, local: Pick<LocalVms, 'list' | 'onChange'>): RowSource {
  return {
    kind: vms,
    start: (sink) => {
      for (const record of local.list(null)) sink.put(vmRow(node, record));
      return local.onChange((changed, gone) => {
        for (const id of gone) sink.drop(`${node} ${id}`);
        for (const record of changed) sink.put(vmRow(node, record));
      });
    },
  };
}

/** Taps of this node's VMs: what the records say of them, and what the switch does. */
export function tapSource(
  node: string,
  { local, ports }: { local: Pick<LocalVms, 'get' | 'list' | 'onChange'>; ports: Pick<Switch, 'state' | 'onChange'> },
): RowSource {
  return {
    kind: taps,
    start: (sink) => {
      const shown = new ShownTaps(node, { sink, local });
      shown.take(ports.state());
      for (const { id } of local.list(null)) shown.show(id);
      const waiting = new Set<number>();
      let areNewPorts = false;
      let isDue = false;
      let isOver = false;
      const look = () => {
        isDue = false;
        if (isOver) return;
        if (areNewPorts) for (const id of shown.take(ports.state())) waiting.add(id);
        areNewPorts = false;
        for (const id of waiting) shown.show(id);
        waiting.clear();
      };
      // Each port of a launch is a change of both: those of one turn are one look, at the VMs that they are about.
      const soon = () => {
        if (!isDue) setImmediate(look);
        isDue = true;
      };
      const ends = [
        local.onChange((changed, gone) => {
          for (const { id } of changed) waiting.add(id);
          for (const id of gone) waiting.add(id);
          soon();
        }),
        ports.onChange(() => {
          areNewPorts = true;
          soon();
        }),
      ];
      return () => {
        isOver = true;
        for (const end of ends) end();
      };
    },
  };
}

/** What the switch says of a tap. */
interface SeenPort {
  readonly hasCarrier: boolean;
  readonly isConnected: boolean;
  readonly fault: string;
}

const noPort: SeenPort = { hasCarrier: false, isConnected: false, fault: '' };

class ShownTaps {
  private readonly node: string;
  private readonly sink: RowSink;
  private readonly local: Pick<LocalVms, 'get'>;
  /** Of each VM that has rows. */
  private readonly tapsOf = new Map<number, readonly string[]>();
  private readonly vmOf = new Map<string, number>();
  private seen: ReadonlyMap<string, SeenPort> = new Map();
  /** Of no tap, and so of all of them. */
  private common = '';

  constructor(node: string, { sink, local }: { sink: RowSink; local: Pick<LocalVms, 'get'> }) {
    this.node = node;
    this.sink = sink;
    this.local = local;
  }

  /** @returns the VMs whose ports are not what they were */
  take({ ports, faults }: ReturnType<Switch['state']>): ReadonlySet<number> {
    const reasons = new Map<string, string>(faults.map(({ subject, reason }) => [subject, reason]));
    const before = { seen: this.seen, common: this.common };
    this.common = reasons.get('') ?? '';
    const seen = new Map<string, SeenPort>();
    for (const [tap, fault] of reasons) seen.set(tap, { ...noPort, fault });
    for (const { tap, hasCarrier, isConnected } of ports)
      seen.set(tap, { hasCarrier, isConnected, fault: reasons.get(tap) ?? '' });
    this.seen = seen;
    if (this.common !== before.common) return new Set(this.tapsOf.keys());
    const changed = new Set<number>();
    for (const tap of new Set([...before.seen.keys(), ...this.seen.keys()])) {
      const vm = this.vmOf.get(tap);
      if (vm !== undefined && !isSamePort(before.seen.get(tap), this.seen.get(tap))) changed.add(vm);
    }
    return changed;
  }

  /** Puts the rows of one VM; drops those that it no longer has. */
  show(id: number): void {
    const rows = this.rowsOf(this.local.get(id));
    const names = rows.map(({ Name }) => Name);
    for (const Name of this.tapsOf.get(id) ?? []) {
      // Another VM may have it by now.
      if (names.includes(Name) || this.vmOf.get(Name) !== id) continue;
      this.vmOf.delete(Name);
      this.sink.drop(keyOf(taps, { Node: this.node, Name }));
    }
    if (names.length > 0) this.tapsOf.set(id, names);
    else this.tapsOf.delete(id);
    for (const row of rows) {
      this.vmOf.set(row.Name, id);
      this.sink.put(row);
    }
  }

  private rowsOf(record: VmRecord | undefined): TapRow[] {
    return (record?.nets ?? []).flatMap((net, nic) => {
      if (net.tap === '') return [];
      const { hasCarrier, isConnected, fault } = this.seen.get(net.tap) ?? noPort;
      return [
        {
          Node: this.node,
          Name: net.tap,
          Vm: record?.id ?? 0,
          Nic: nic,
          Bridge: net.bridge,
          Vlan: net.vlan,
          Alias: cut(net.alias),
          Mac: net.mac,
          Ip4: net.ip4,
          Ip6: net.ip6,
          Qos: net.qos,
          Carrier: hasCarrier,
          Connected: isConnected,
          Fault: fault === '' ? this.common : fault,
        },
      ];
    });
  }
}

function isSamePort(a: SeenPort | undefined, b: SeenPort | undefined): boolean {
  return a?.hasCarrier === b?.hasCarrier && a?.isConnected === b?.isConnected && a?.fault === b?.fault;
}

/**
 * Keeps rows of the VMs of nodes that are in the roster, but not in the mesh, until the returned function is called. When such a node is back, it says
 * itself what it has, and its rows take the place of these.
 */
export function followLostVms(
  rows: ClusterRows,
  { mesh, directory }: { mesh: Pick<Mesh, 'on' | 'off'>; directory: VmDirectory },
): () => void {
  /** What is shown of which node. */
  const shown = new Map<string, number>();
  const update = () => {
    const lost = directory.lostNodes();
    for (const node of lost) {
      if (shown.get(node.id) === node.version) continue;
      shown.set(node.id, node.version);
      const made = directory.recordsOf(node).map((record) => vmRow(node.id, record));
      rows.replace(vms, node.id, made);
    }
    const still = new Set(lost.map(({ id }) => id));
    for (const node of [...shown.keys()]) {
      if (still.has(node)) continue;
      shown.delete(node);
      // One that is back tells itself; one that was removed from the roster does not.
      if (!directory.isMember(node)) rows.replace(vms, node, []);
    }
  };
  update();
  const end = directory.onChange(update);
  mesh.on('change', update);
  mesh.on('roster', update);
  return () => {
    end();
    mesh.off('change', update);
    mesh.off('roster', update);
    for (const node of shown.keys()) rows.replace(vms, node, []);
  };
}
