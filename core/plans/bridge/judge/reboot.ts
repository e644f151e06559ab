// What the next boot would do with a bridge, as its owners say, compared with what runs; and what differs from the last commit.
// Pure.
import { bridgeScript, bridgeUnit } from '../persist/boot-unit.ts';
import type { BridgeFacts, CommittedBridge } from '../observe/facts.ts';
import { interfacesOf, isOrLabels, readInterfacesTree, type Interface } from '../observe/interfaces-file.ts';
import { addressesToGive, canonical, hostsIn } from '../persist/next-boot.ts';
import { managedFlag } from '../observe/namers.ts';
import { linesOf, type Observed } from '../observe/observed.ts';
import { doubtRegenerated } from '../observe/regenerated.ts';

interface UnitState {
  readonly isLoaded: boolean;
  readonly isActive: boolean;
  readonly isEnabled: boolean;
}

/** Blocks of `systemctl show --property=Id,LoadState,ActiveState,UnitFileState`. */
export function readUnits(text: string): (unit: string) => UnitState {
  const units = new Map<string, UnitState>();
  for (const block of text.split('\n\n')) {
    const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1] ?? '';
    units.set(value('Id'), {
      isLoaded: value('LoadState') === 'loaded',
      isActive: value('ActiveState') === 'active',
      isEnabled: /^(enabled|enabled-runtime|static|alias)/.test(value('UnitFileState')),
    });
  }
  return (unit) => units.get(unit) ?? { isLoaded: false, isActive: false, isEnabled: false };
}

/** Reasons against a safe reboot; null when there is no bridge of the name. */
export function judgeReboot(facts: Omit<BridgeFacts, 'rebootDoubts' | 'drift'>, observed: Observed): string[] | null {
  const name = observed.one('bridge');
  const bridge = facts.ovs.bridges.find((each) => each.name === name);
  if (!bridge) return null;
  const doubts: string[] = [];
  const unit = readUnits(observed.text('units'));
  if (facts.isProxmox) doubts.push('Proxmox VE deletes Open vSwitch’s database at boot');
  const packages = ['openvswitch-switch.service', 'ovs-vswitchd.service'];
  if (!packages.some((each) => unit(each).isEnabled)) doubts.push('Open vSwitch is not enabled at boot');
  for (const port of bridge.transientPorts) {
    doubts.push(`${port} has the transient mark: the next start of Open vSwitch takes it out of ${name}`);
  }
  if (facts.transaction) doubts.push('a transaction is pending: the next boot undoes it');
  const uplinks = bridge.ports.filter((port) => facts.nics.some((nic) => nic.name === port && nic.kind !== 'internal'));
  const addressed = facts.nics.find((nic) => nic.name === name);
  const wanted = (addressed?.addresses ?? []).filter(
    ({ scope, flags }) => scope === 'global' && !flags.includes(managedFlag),
  );
  doubts.push(...doubtRegenerated(facts, [name, ...uplinks]));
  if (uplinks.length === 0) return doubts;
  if (bridge.hwaddr === '') {
    doubts.push(
      `nothing pins the Ethernet address of ${name}: it may change, and its lease with it (other_config:hwaddr)`,
    );
  }
  const text = (path: string) => facts.files.find((file) => file.path === path)?.content ?? '';
  const hasUnit = unit(bridgeUnit).isEnabled;
  const interfaces = interfacesOf(readInterfacesTree(facts.files).stanzas);
  const classWords = (key: string) =>
    (observed.all('class').find((words) => words.split(' ')[0] === key) ?? '').split(' ').slice(1);
  const stanzas = interfaces.filter((each) => each.name === name);
  const query = observed.texts('ifquery').find(({ words }) => words[0] === name)?.text ?? '';

  for (const uplink of uplinks) {
    if (stanzas.length > 0) {
      const ports = /^ovs_ports: (.*)$/m.exec(query)?.[1]?.split(/\s+/) ?? [];
      if (!ports.includes(uplink)) doubts.push(`the stanza of ${name} does not name ${uplink} in ovs_ports`);
      if (!classWords(name).includes(uplink)) {
        doubts.push(`${uplink} is not in the class allow-${name}: ${name} would come up without it`);
      }
    }
    const own = interfaces.filter((each) => isOrLabels(each.name, uplink) && each.method !== 'manual');
    const raised = own.find((each) => ['auto', 'hotplug'].some((key) => classWords(key).includes(each.name)));
    if (raised) doubts.push(`/etc/network/interfaces still gives ${raised.name} its own address`);
    const nic = facts.nics.find((each) => each.name === uplink);
    if (nic?.owner === 'networkmanager') doubts.push(`NetworkManager still has ${uplink}`);
    if (nic?.owner === 'networkd' && addressesOf(text(nic.networkFile))) {
      doubts.push(`systemd-networkd would still give ${uplink} an address (${nic.networkFile})`);
    }
    if (
      bridge.datapathType === 'netdev' &&
      !hasUnit &&
      !interfaces.some((each) => each.name === uplink && shutsKernelOut(each))
    ) {
      doubts.push(
        `nothing shuts the kernel’s own stack out of ${uplink} at boot: every packet would be answered twice`,
      );
    }
  }

  // Debian's networking.service raises only this class; `allow-ovs` is raised only on request.
  const isRaised = classWords('auto').includes(name);
  if (stanzas.length > 0 && isRaised && unit('networking.service').isEnabled) {
    const isLeased = stanzas.some(({ family, method }) => family === 'inet' && method === 'dhcp');
    const given = hostsIn(ifupdownGives(facts, interfaces, { name, raised: classWords('auto') }));
    for (const address of addressesToGive({ addresses: wanted }, isLeased)) {
      if (!given.has(canonical(address))) doubts.push(`no stanza gives ${name} ${address}`);
    }
  } else if (stanzas.length > 0 && !isRaised) {
    doubts.push(`nothing brings ${name} up at boot: networking.service raises the class auto alone`);
  } else if (hasUnit && unitHasAddresses(text(bridgeScript))) {
    const script = text(bridgeScript);
    for (const address of addressesToGive({ addresses: wanted }, /^addresses=dhcp/m.test(script))) {
      if (!script.includes(`'${address}'`)) doubts.push(`${bridgeScript} does not give ${name} ${address}`);
    }
  } else if (addressed?.owner === 'networkd') {
    const file = facts.files.find(({ path }) => path === addressed.networkFile)?.content ?? null;
    const given = hostsIn(file ?? '');
    for (const address of addressesToGive(
      { addresses: wanted },
      /^\s*DHCP\s*=\s*(yes|true|ipv4|1|on)/m.test(file ?? ''),
    )) {
      if (file !== null && !given.has(canonical(address)))
        doubts.push(`${addressed.networkFile} does not give ${name} ${address}`);
    }
  } else if (wanted.length > 0) {
    doubts.push(`nothing gives ${name} its address at boot`);
  }
  return doubts;
}

/** What ifupdown would run for the bridge and its labels at boot; if it does not say, what their stanzas hold. */
function ifupdownGives(
  { ifupdown }: Pick<BridgeFacts, 'ifupdown'>,
  interfaces: readonly Interface[],
  { name, raised }: { name: string; raised: readonly string[] },
): string {
  const names = [name, ...raised.filter((word) => word.startsWith(`${name}:`))];
  return names
    .map((each) => {
      const options = interfaces.filter((own) => own.name === each).flatMap((own) => own.options);
      return ifupdown?.runs[each] || options.map(({ value }) => value).join('\n');
    })
    .join('\n');
}

const shutsKernelOut = (stanza: { options: readonly { value: string }[] }) =>
  stanza.options.some(({ value }) => value.includes('meshdeck_bridge'));

const unitHasAddresses = (script: string) => /^addresses=(?!owner)/m.test(script);

/** Whether a .network file gives addresses. */
function addressesOf(networkFile: string): boolean {
  return /^\s*(Address\s*=\s*\S|DHCP\s*=\s*(yes|true|ipv4|ipv6|1|on))/m.test(networkFile);
}

/** The record of the last commit: `key=value` lines, and `file=<sha256> <path>` for each file. */
export function readCommitted(record: string): CommittedBridge | null {
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(record)?.[1]?.slice(0, 200) ?? '';
  const method = (['ifupdown', 'commands', 'networkd'] as const).find((each) => each === value('method'));
  if (value('transaction') === '' || method === undefined) return null;
  return {
    transaction: value('transaction'),
    bridge: value('bridge'),
    uplink: value('uplink'),
    method,
    atMs: Number(value('atMs')) || 0,
  };
}

/** What is no longer as it was committed, in words. */
export function judgeDrift(
  facts: Pick<BridgeFacts, 'committed' | 'ovs'>,
  record: string,
  sums: ReadonlyMap<string, string>,
): string[] {
  const committed = facts.committed;
  if (!committed) return [];
  const drift: string[] = [];
  for (const line of linesOf(record)) {
    const [, wanted = '', path = ''] = /^file=(\S+) (\/.*)$/.exec(line) ?? [];
    if (path === '') continue;
    const now = sums.get(path) ?? 'none';
    if (now === wanted) continue;
    if (now === 'none') drift.push(`${path} is gone`);
    else drift.push(wanted === 'none' ? `${path} is there again` : `${path} was changed since`);
  }
  const bridge = facts.ovs.bridges.find(({ name }) => name === committed.bridge);
  if (!bridge) drift.push(`there is no ${committed.bridge} in Open vSwitch`);
  else if (!bridge.ports.includes(committed.uplink))
    drift.push(`${committed.uplink} is no longer in ${committed.bridge}`);
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(record)?.[1] ?? '';
  if (bridge && value('mac') !== '' && bridge.hwaddr !== value('mac')) {
    drift.push(`${committed.bridge} is no longer pinned to ${value('mac')}`);
  }
  return drift;
}
