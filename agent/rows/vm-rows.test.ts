// Rows of taps cost what changes, not what exists: a launch changes each of 1,000 VMs several times.
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import { taps, type TapRow } from '../../contract/cluster-kinds.ts';
import { defaultConfig } from '../../core/vms/config.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { PortState, SwitchState } from '../../host/ovs/virtual-switch.ts';
import { ClusterRows } from './cluster-rows.ts';
import { tapSource } from './vm-rows.ts';

const net = { alias: 'lan', vlan: 101, bridge: 'mega_bridge', driver: 'e1000', qinq: false, qos: '', raw: '' };
const record = (id: number, ip4 = '', tap = `mega_tap${id}`): VmRecord => ({
  ...{ id, name: `vm${id}`, namespace: 'minimega', host: 'node1', uuid: '', state: 'RUNNING', reason: '' },
  ...{ config: defaultConfig, launchedAtMs: 0, pid: 1, hotplug: [], accelerator: null },
  nets: [{ ...net, tap, mac: `02:00:00:00:00:0${id}`, ip4, ip6: '' }],
});
const port = (tap: string, isConnected = true): PortState => ({
  ...{ tap, owner: '1', place: null, hasCarrier: true, isConnected },
});

const fault = (subject: string, reason: SwitchState['faults'][number]['reason']): SwitchState['faults'][number] => ({
  ...{ subject, reason, detail: '', sinceMs: 0, repairs: 0, isLeftAlone: false },
});

class Machine {
  readonly records = new Map<number, VmRecord>();
  readonly ports = new Map<string, PortState>();
  faults: SwitchState['faults'] = [];
  looks = 0;
  private readonly recordListeners = new Set<(changed: readonly VmRecord[], gone: readonly number[]) => void>();
  private readonly portListeners = new Set<() => void>();

  readonly local = {
    get: (id: number) => this.records.get(id),
    list: () => [...this.records.values()],
    onChange: (listener: (changed: readonly VmRecord[], gone: readonly number[]) => void) => {
      this.recordListeners.add(listener);
      return () => this.recordListeners.delete(listener);
    },
  };
  readonly switch = {
    state: (): SwitchState => {
      this.looks += 1;
      return { bridges: [], ports: [...this.ports.values()], hostTaps: [], mirrors: [], faults: this.faults };
    },
    onChange: (listener: () => void) => {
      this.portListeners.add(listener);
      return () => this.portListeners.delete(listener);
    },
  };

  put(changed: VmRecord): void {
    this.records.set(changed.id, changed);
    for (const listener of this.recordListeners) listener([changed], []);
  }
  remove(id: number): void {
    this.records.delete(id);
    for (const listener of this.recordListeners) listener([], [id]);
  }
  plug(...ports: PortState[]): void {
    for (const each of ports) this.ports.set(each.tap, each);
    for (const listener of this.portListeners) listener();
  }
}

const count = 50;
let machine: Machine;
let rows: ClusterRows;
let puts: string[];
let end: () => void;
const shown = () => [...rows.table(taps).values()];

beforeEach(() => {
  machine = new Machine();
  rows = new ClusterRows([taps]);
  puts = [];
  for (let id = 0; id < count; id += 1) machine.records.set(id, record(id));
  machine.plug(...[...machine.records.keys()].map((id) => port(`mega_tap${id}`)));
  const sink = {
    put: (change: object) => {
      puts.push(String((change as Partial<TapRow>).Name));
      rows.put(taps, change);
    },
    drop: (key: string) => rows.drop(taps, key),
  };
  end = tapSource('n1', { local: machine.local, ports: machine.switch }).start(sink, rows);
  expect([shown().length, shown().every(({ Connected }) => Connected), machine.looks]).toEqual([count, true, 1]);
  puts = [];
});

it('puts the row of the VM that changed, and does not ask the switch', async () => {
  for (let id = 0; id < count; id += 1) {
    machine.put(record(id, '10.0.0.1'));
    await turn();
  }
  expect([puts.length, machine.looks, shown().every(({ Ip4 }) => Ip4 === '10.0.0.1')]).toEqual([count, 1, true]);
});

it('asks the switch once for the changes of one turn, and puts the rows of ports that changed', async () => {
  machine.plug(port('mega_tap3', false));
  machine.plug(port('mega_tap7', false));
  await turn();
  expect([puts, machine.looks]).toEqual([['mega_tap3', 'mega_tap7'], 2]);
  machine.faults = [fault('mega_tap3', 'tap-unheld')];
  machine.plug();
  await turn();
  expect(puts.slice(2)).toEqual(['mega_tap3']);
  machine.faults = [fault('', 'database-down')];
  machine.plug();
  await turn();
  expect(shown().map(({ Fault }) => Fault)).toEqual(Array.from({ length: count }, () => 'database-down'));
});

it('drops the rows of a VM that is gone, and of a tap that another VM has now it keeps that', async () => {
  machine.remove(4);
  machine.put(record(5, '', 'mega_tap60'));
  await turn();
  const names = () => shown().map(({ Name, Vm }) => `${Name} ${Vm}`);
  expect([names().length, names().includes('mega_tap4 4'), names().includes('mega_tap60 5')]).toEqual([
    count - 1,
    false,
    true,
  ]);
  machine.put(record(6, '', 'mega_tap7'));
  machine.put(record(7, '', 'mega_tap6'));
  await turn();
  expect(
    names()
      .filter((name) => /tap[67] /.test(name))
      .sort(),
  ).toEqual(['mega_tap6 7', 'mega_tap7 6']);
});

it('says nothing after its end', async () => {
  machine.put(record(1, '10.0.0.9'));
  end();
  await turn();
  expect(puts).toEqual([]);
});
