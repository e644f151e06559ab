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
  { local, ports }: { local: Pick<LocalVms, 'list' | 'onChange'>; ports: Pick<Switch, 'state' | 'onChange'> },
): RowSource {
  return {
    kind: taps,
    start: (sink) => {
      const shown = new ShownTaps(node, sink);
      const update = () => shown.update(local.list(null), ports.state());
      update();
      // Each port of a launch is a change of both: all of them are one look.
      let isDue = false;
      const soon = () => {
        if (isDue) return;
        isDue = true;
        setImmediate(() => {
          isDue = false;
          if (!shown.isOver) update();
        });
      };
      const ends = [local.onChange(soon), ports.onChange(soon)];
      return () => {
        shown.isOver = true;
        for (const end of ends) end();
      };
    },
  };
}

class ShownTaps {
  isOver = false;
  private readonly node: string;
  private readonly sink: RowSink;
  private keys = new Set<string>();

  constructor(node: string, sink: RowSink) {
    this.node = node;
    this.sink = sink;
  }

  update(records: readonly VmRecord[], { ports, faults }: ReturnType<Switch['state']>): void {
    const states = new Map(ports.map((port) => [port.tap, port]));
    const reasons = new Map(faults.map(({ subject, reason }) => [subject, reason]));
    // One that is of no tap is of all of them.
    const common = reasons.get('') ?? '';
    const rows = records.flatMap(({ id, nets }) =>
      nets.flatMap((net, nic): TapRow[] =>
        net.tap === ''
          ? []
          : [
              {
                Node: this.node,
                Name: net.tap,
                Vm: id,
                Nic: nic,
                Bridge: net.bridge,
                Vlan: net.vlan,
                Alias: cut(net.alias),
                Mac: net.mac,
                Ip4: net.ip4,
                Ip6: net.ip6,
                Qos: net.qos,
                Carrier: states.get(net.tap)?.hasCarrier ?? false,
                Connected: states.get(net.tap)?.isConnected ?? false,
                Fault: reasons.get(net.tap) ?? common,
              },
            ],
      ),
    );
    const keys = new Set(rows.map((row) => keyOf(taps, row)));
    for (const key of this.keys) if (!keys.has(key)) this.sink.drop(key);
    this.keys = keys;
    for (const row of rows) this.sink.put(row);
  }
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
