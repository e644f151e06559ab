// 1,000 ports with VLAN tags on one bridge (docs/benchmarks.md): from a list of VMs' interfaces to the switch that has all of them,
// beside one ovs-vsctl with all of them and beside one ovs-vsctl for each. Each side makes the same taps by one `ip -batch`.
import { localRunner } from '../host/runner.ts';
import { hasOpenVSwitch, PrivateOvs } from '../host/ovs/private-ovs.ts';
import { VirtualSwitch } from '../host/ovs/virtual-switch.ts';
import type { Report } from './report.ts';
import { interleave } from './rounds.ts';

const ports = 1_000;
/** One by one, 1,000 take a minute and more on two cores, and each takes as long as the next: a fifth of them is enough. */
const portsOneByOne = 200;
const timeoutMs = 300_000;
const tagOf = (index: number) => 100 + (index % 1_000);
const tapOf = (index: number) => `mega_tap${index}`;

export interface PortsOptions {
  readonly rounds: number;
  readonly signal: AbortSignal;
}

export async function benchPorts(report: Report, options: PortsOptions): Promise<void> {
  report.heading(`${ports} ports with VLAN tags on one bridge`);
  if (!hasOpenVSwitch) {
    report.missing('ports', 'Open vSwitch and root are needed');
    return;
  }
  const sides = [
    { name: 'ours', measure: () => onFreshSwitch(addOurs) },
    { name: 'one', measure: () => onFreshSwitch(addByOne) },
    { name: 'each', measure: () => onFreshSwitch(addEach) },
  ];
  const rates = await interleave(sides, options);
  const figure = (name: string, label: string) =>
    report.figure(`ports-${name}`, label, { unit: 'per s', samples: rates.get(name) ?? [] });
  const ours = figure('ours', `meshd’s switch, ${ports} ports in one launch`);
  const one = figure('one', `one ovs-vsctl with ${ports} ports`);
  const each = figure('each', `one ovs-vsctl for each of ${portsOneByOne} ports`);
  report.ratio('ports-one-ratio', 'meshd to one ovs-vsctl', { of: ours, by: one, goal: { at: 'least', value: 0.85 } });
  report.ratio('ports-each-ratio', 'meshd to ovs-vsctl one by one', {
    of: ours,
    by: each,
    goal: { at: 'least', value: 15 },
  });
}

/** @returns ports per second */
async function onFreshSwitch(add: (ovs: PrivateOvs) => Promise<number>): Promise<number> {
  const ovs = await PrivateOvs.start();
  try {
    await ovs.vsctl('add-br', 'vms', '--', 'set', 'bridge', 'vms', 'datapath_type=netdev');
    return await add(ovs);
  } finally {
    await ovs.stop();
  }
}

async function addOurs(ovs: PrivateOvs): Promise<number> {
  const virtualSwitch = new VirtualSwitch('bench', {
    host: ovs.host(),
    clock: {
      now: () => performance.now(),
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    },
    log: () => undefined,
  });
  await virtualSwitch.start({ ports: [], bridges: [] });
  try {
    const begun = performance.now();
    const taps = virtualSwitch.reserveTaps(ports);
    await virtualSwitch.addPorts(
      taps.map((tap, index) => ({
        tap,
        owner: `vm${index}`,
        user: 65534,
        place: { bridge: 'vms', vlan: { kind: 'access', tag: tagOf(index) } },
      })),
    );
    return rateOf(ports, begun);
  } finally {
    await virtualSwitch.stop();
  }
}

async function addByOne(ovs: PrivateOvs): Promise<number> {
  const begun = performance.now();
  await makeTaps(ovs, ports);
  const words = Array.from({ length: ports }, (_, index) => [
    '--',
    'add-port',
    'vms',
    tapOf(index),
    `tag=${tagOf(index)}`,
  ]);
  const database = `--db=unix:${ovs.folder}/db.sock`;
  await localRunner.run(['ovs-vsctl', database, '--timeout=240', ...words.flat()], { timeoutMs });
  return rateOf(ports, begun);
}

async function addEach(ovs: PrivateOvs): Promise<number> {
  const begun = performance.now();
  await makeTaps(ovs, portsOneByOne);
  for (let index = 0; index < portsOneByOne; index += 1)
    await ovs.vsctl('add-port', 'vms', tapOf(index), `tag=${tagOf(index)}`);
  return rateOf(portsOneByOne, begun);
}

async function makeTaps(ovs: PrivateOvs, count: number): Promise<void> {
  const lines = Array.from(
    { length: count },
    (_, index) =>
      `tuntap add dev ${tapOf(index)} mode tap user 65534\n` +
      `link set dev ${tapOf(index)} group 7 mtu 1500 arp off addrgenmode none alias vm${index} up\n`,
  );
  await localRunner.run([...ovs.within, 'ip', '-batch', '-'], { stdin: lines.join(''), timeoutMs });
}

const rateOf = (count: number, begun: number) => count / ((performance.now() - begun) / 1_000);
