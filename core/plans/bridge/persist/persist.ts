// What a commit writes so that the next boot does what runs now, in each owner's own format; and how that is removed
// permanently. Pure: facts in, file contents out. A way that is not safe is a finding that blocks, with what to do instead.
import { findForeignClient } from '../observe/dhcp-clients.ts';
import {
  bridgeScript,
  bridgeUnit,
  bridgeUnitFile,
  clientConfigOf,
  describeBootScript,
  describeBootUnit,
  describeClientConfig,
  type BootPlan,
} from './boot-unit.ts';
import type { BridgeFacts, NicFacts } from '../observe/facts.ts';
import type { BridgePersistence, PlanPersistence } from '../plan/inputs.ts';
import {
  describeBridgeNetwork,
  describeLeaseNetwork,
  describeNmConfig,
  describeUplinkNetwork,
  hadNetworkdEnabled,
  networkFileOf,
  nmFile,
  tiesOf,
} from './let-go.ts';
import { carrierOf } from '../plan/picture.ts';
import { compareWithIfquery, missingAtBoot } from './next-boot.ts';
import { bridgeInInterfaces, manualInInterfaces, uplinkInInterfaces, type InterfacesEdit } from './persist-ifupdown.ts';
import type { FileChange } from '../plan/transaction.ts';
import { isFixedBesideLease } from '../judge/uplink.ts';
import type { BridgeFinding } from '../judge/finding.ts';

type Change = Parameters<PlanPersistence>[1];

const nothing: BridgePersistence = { files: [], enable: [], disable: [], dhcp: 'none', findings: [] };

export const persistBridge: PlanPersistence = (facts, change) => {
  const wanted = change.kind === 'remove' ? removePersistence(facts, change) : addPersistence(facts, change);
  // What is right already is not written again.
  const isAsWanted = ({ path, content, mode }: FileChange) =>
    facts.files.some((file) => file.path === path && file.content === content && file.mode === mode);
  return { ...wanted, files: wanted.files.filter((file) => !isAsWanted(file)) };
};

function addPersistence(facts: BridgeFacts, change: Change): BridgePersistence {
  const { uplink, method } = change;
  if (uplink.owner === 'ifupdown2') {
    return block(
      `${uplink.name} belongs to ifupdown2, whose next ifreload takes every port out of the bridge that its file does not list, VMs’ taps among them`,
      'write the bridge into /etc/network/interfaces by hand (ovs_type OVSBridge, ovs_ports, and ovs-ports-condone-regex ^mega_tap), ifreload -a, then run this again: it is recognised',
    );
  }
  if (uplink.owner === 'ifcfg') {
    return block(
      `${uplink.name} belongs to network-scripts (ifcfg-${uplink.name})`,
      `give it to NetworkManager or systemd-networkd first, or write ifcfg files of TYPE=OVSBridge and OVSPort by hand and run this again`,
    );
  }
  const client = change.kind === 'ensure' ? findForeignClient(facts, uplink, change.bridge) : null;
  if (client !== null) return block(client.text, client.mend);
  switch (method) {
    case 'ifupdown':
      return byIfupdown(facts, change);
    case 'networkd':
      return byNetworkd(facts, change);
    case 'commands':
      return byUnit(facts, change);
  }
}

function isLeased(nic: NicFacts): boolean {
  return nic.dhcp !== 'none' || nic.addresses.some(({ family, flags }) => family === 4 && flags.includes('dynamic'));
}

/** The interface that has the addresses now, in the transaction's words. */
const macOf = (facts: BridgeFacts, { bridge, uplink }: Change) => carrierOf(facts, uplink, bridge).mac;

function byIfupdown(facts: BridgeFacts, change: Change): BridgePersistence {
  const { bridge, uplink, datapath } = change;
  const edit = bridgeInInterfaces(facts.files, { bridge, uplink: uplink.name, mac: macOf(facts, change), datapath });
  if (!edit.ok) return block(edit.reason, 'or choose the method commands', 'method');
  if (isFixedBesideLease(facts, uplink)) {
    return block(
      `${bridge} has a fixed address, and the stanza of ${uplink.name} would ask for a lease at the next boot`,
      'choose the method commands, or write a static stanza',
      'method',
    );
  }
  const unknown =
    compareWithIfquery(facts, uplink.name) ?? missingAtBoot(carrierOf(facts, uplink, bridge), edit.interfaces);
  if (unknown !== null) return block(unknown.text, unknown.mend, 'method');
  const isDhcp = edit.interfaces.some(
    ({ name, family, method }) => name === bridge && family === 'inet' && method === 'dhcp',
  );
  return {
    ...nothing,
    // A unit of an earlier attempt by the other method would do all of it a second time.
    ...withoutUnit(facts),
    files: [...edit.files.map((file) => fileChange(facts, file.path, file.content)), ...withoutUnit(facts).files],
    dhcp: isDhcp ? 'dhclient' : 'none',
    findings: edit.commands.map((command) =>
      warn(
        'commands',
        `its stanza runs \`${command}\`: from now on for ${bridge}, and $IFACE is ${bridge} there`,
        'see that it fits the bridge',
      ),
    ),
  };
}

function byUnit(facts: BridgeFacts, change: Change): BridgePersistence {
  const { bridge, uplink, datapath } = change;
  const carrier = carrierOf(facts, uplink, bridge);
  const addresses = isLeased(carrier) || isLeased(uplink) ? 'dhcp' : 'static';
  const clients = facts.dhcpClients;
  // Where networkd has the NIC, it keeps the lease, and systemd-resolved keeps the name servers.
  const client = uplink.owner === 'networkd' && clients.includes('networkd') ? 'networkd' : (clients[0] ?? null);
  if (addresses === 'dhcp' && client === null) {
    return block(
      `${uplink.name} has its address by DHCP, and there is no client for the bridge`,
      'apt-get install isc-dhcp-client',
    );
  }
  const isNetworkdLease = addresses === 'dhcp' && client === 'networkd';
  const letGo = letGoOf(facts, change, isNetworkdLease);
  if ('findings' in letGo) return letGo;
  // What ifupdown's dhclient asks with stands in its lease file, which the boot script carries over.
  const asked = uplink.dhcpClientId === '' ? clientIdIn(facts, bridge) : uplink.dhcpClientId;
  const dhcpClientId = addresses === 'dhcp' && client === 'dhclient' ? asked : '';
  const plan: BootPlan = {
    bridge,
    uplink: uplink.name,
    mac: macOf(facts, change),
    mtu: uplink.mtu,
    datapath,
    addresses: isNetworkdLease ? 'owner' : addresses,
    dhcpClientId,
    carrier,
    linkDns: facts.resolver === 'systemd-resolved' ? [...new Set([...carrier.dnsServers, ...uplink.dnsServers])] : [],
  };
  return {
    files: [
      ...bootFiles(facts, plan),
      ...(dhcpClientId === ''
        ? []
        : [fileChange(facts, clientConfigOf(bridge), describeClientConfig(bridge, dhcpClientId))]),
      ...letGo.files,
    ],
    enable: [bridgeUnit, ...(isNetworkdLease && uplink.owner !== 'networkd' ? ['systemd-networkd.service'] : [])],
    disable: [],
    dhcp: addresses === 'dhcp' ? (client ?? 'none') : 'none',
    findings: letGo.warnings,
  };
}

function byNetworkd(facts: BridgeFacts, change: Change): BridgePersistence {
  const { bridge, uplink, datapath } = change;
  const pair = networkPairOf(facts, change);
  if ('findings' in pair) return pair;
  const carrier = carrierOf(facts, uplink, bridge);
  const plan: BootPlan = {
    bridge,
    uplink: uplink.name,
    mac: macOf(facts, change),
    mtu: uplink.mtu,
    datapath,
    addresses: 'owner',
    dhcpClientId: '',
    carrier,
    linkDns: [],
  };
  return {
    files: [...bootFiles(facts, plan), ...pair.files],
    enable: [bridgeUnit],
    disable: [],
    dhcp: isLeased(carrier) ? 'networkd' : 'none',
    findings: uplink.netplan
      ? [
          warn(
            'netplan',
            `${uplink.netplan.file} still names ${uplink.name}: our files in /etc/systemd/network come before what netplan generates from it`,
            `a later change of addresses goes into ${networkFileOf(bridge)}`,
          ),
        ]
      : [],
  };
}

/** The .network files of uplink and bridge, made from the uplink's; a block where that is not safe. */
function networkPairOf(facts: BridgeFacts, { bridge, uplink }: Change): { files: FileChange[] } | BridgePersistence {
  // Ours already: what the uplink's own file said is in the bridge's.
  const hasPair = facts.files.some(({ path }) => path === networkFileOf(bridge));
  if (hasPair && uplink.networkFile === networkFileOf(uplink.name)) return { files: [] };
  const old = facts.files.find(({ path }) => path === uplink.networkFile);
  if (old?.content === undefined || old.content === null) {
    return block(
      `systemd-networkd does not say by which file it configures ${uplink.name}`,
      'look at networkctl status there, or choose the method commands',
      'method',
    );
  }
  const dropIns = facts.files.filter(({ path }) => path.includes(`/${fileName(old.path)}.d/`));
  if (dropIns.length > 0) {
    return block(
      `${old.path} has drop-ins (${dropIns.map(({ path }) => path).join(', ')}), which the bridge’s file would not have`,
      'put their settings into the file itself',
    );
  }
  const ties = tiesOf(old.content);
  if (ties.length > 0)
    return block(`${old.path} ties ${uplink.name} to another interface (${ties.join(', ')})`, 'take that out first');
  return {
    files: [
      fileChange(
        facts,
        networkFileOf(uplink.name),
        describeUplinkNetwork(uplink.name, bridge, { oldFile: old.content, waitsFor: 'no' }),
      ),
      fileChange(facts, networkFileOf(bridge), describeBridgeNetwork(bridge, uplink, old.content)),
    ],
  };
}

/** How the uplink's old owner lets go of it permanently; a block where that is not safe. */
function letGoOf(
  facts: BridgeFacts,
  change: Change,
  isNetworkdLease: boolean,
): { files: FileChange[]; warnings: BridgeFinding[] } | BridgePersistence {
  const { bridge, uplink } = change;
  const files: FileChange[] = [];
  const warnings: BridgeFinding[] = [];
  const old = facts.files.find(({ path }) => path === uplink.networkFile)?.content ?? '';
  switch (uplink.owner) {
    case 'ifupdown': {
      const edit = manualInInterfaces(facts.files, {
        bridge,
        uplink: uplink.name,
        mac: uplink.mac,
        datapath: change.datapath,
      });
      if (!edit.ok) return block(edit.reason, 'fix the file first');
      files.push(...edit.files.map((file) => fileChange(facts, file.path, file.content)));
      for (const command of edit.commands) {
        warnings.push(
          warn(
            'commands',
            `its stanza ran \`${command}\`, which nobody runs from now on`,
            `add it to a unit after ${bridgeUnit}`,
          ),
        );
      }
      break;
    }
    case 'networkmanager': {
      const others = facts.nics.filter(({ name, owner }) => owner === 'networkmanager' && name !== uplink.name);
      files.push(fileChange(facts, nmFile, describeNmConfig(bridge, uplink.name, others.length === 0)));
      if (others.length > 0 && facts.resolver === 'file') {
        warnings.push(
          warn(
            'resolver',
            `NetworkManager still writes /etc/resolv.conf for ${others.map(({ name }) => name).join(', ')}: the name servers of ${uplink.name} are not in it`,
            'give these profiles the name servers: nmcli connection modify <profile> ipv4.dns <address>',
          ),
        );
      }
      break;
    }
    case 'networkd': {
      // Ours already.
      if (uplink.networkFile === networkFileOf(uplink.name)) break;
      const waitsFor = isNetworkdLease ? 'no' : 'carrier';
      files.push(
        fileChange(
          facts,
          networkFileOf(uplink.name),
          describeUplinkNetwork(uplink.name, bridge, { oldFile: old, waitsFor }),
        ),
      );
      if (!isNetworkdLease) {
        const hands = `# Written by Meshdeck: ${bridgeUnit} gives ${bridge} its addresses.\n[Match]\nName=${bridge}\n\n[Link]\nUnmanaged=yes\n`;
        files.push(fileChange(facts, networkFileOf(bridge), hands));
      }
      break;
    }
    case 'ifupdown2':
    case 'ifcfg':
    case 'none':
      break;
  }
  const hasLease = facts.files.some(({ path }) => path === networkFileOf(bridge));
  if (isNetworkdLease && !hasLease)
    files.push(
      fileChange(facts, networkFileOf(bridge), describeLeaseNetwork(bridge, uplink, uplink.owner !== 'networkd')),
    );
  return { files, warnings };
}

/** The identity that the bridge's client asks with since an earlier commit. */
function clientIdIn(facts: BridgeFacts, bridge: string): string {
  const config = facts.files.find(({ path }) => path === clientConfigOf(bridge))?.content ?? '';
  return /dhcp-client-identifier ([0-9a-f:]+);/.exec(config)?.[1] ?? '';
}

function bootFiles(facts: BridgeFacts, plan: BootPlan): FileChange[] {
  return [
    fileChange(facts, bridgeScript, describeBootScript(plan), '755'),
    fileChange(facts, bridgeUnitFile, describeBootUnit(plan)),
  ];
}

/** Our unit out of the way, where there is one. */
function withoutUnit(facts: BridgeFacts): Pick<BridgePersistence, 'files' | 'disable'> {
  const files = [bridgeScript, bridgeUnitFile].flatMap((path) => removalOf(facts, path));
  return { files, disable: files.length > 0 ? [bridgeUnit] : [] };
}

/** Restores files as they were before the bridge, where a commit recorded them; otherwise takes the bridge's part out of them. */
function removePersistence(facts: BridgeFacts, change: Change): BridgePersistence {
  const { bridge, uplink } = change;
  const findings: BridgeFinding[] = [];
  const files: FileChange[] = [];
  const drifted = new Set(facts.drift.map((text) => text.split(' ')[0] ?? ''));
  let edit: InterfacesEdit | null = null;
  for (const original of facts.originals) {
    const now = facts.files.find(({ path }) => path === original.path);
    if (original.content === null) files.push(...removalOf(facts, original.path));
    else if (drifted.has(original.path)) {
      // Somebody edited it since: their lines stay, ours go.
      edit ??= uplinkInInterfaces(facts.files, interfacesChange(facts, change));
      findings.push(
        warn(
          'edited',
          `${original.path} was changed since the bridge was made: only the bridge’s part of it is taken out`,
          'look at the diff',
        ),
      );
    } else if (now?.content !== original.content) {
      files.push({
        path: original.path,
        content: original.content,
        mode: original.mode,
        oldSha256: now?.sha256 ?? null,
      });
    }
  }
  // Without an original: an older commit recorded none, or a plan accepted the file as it is after somebody had edited it.
  const hasOriginal = new Set(facts.originals.map(({ path }) => path));
  if (facts.files.some(({ path, content }) => !hasOriginal.has(path) && content?.includes(`iface ${bridge} `))) {
    edit ??= uplinkInInterfaces(facts.files, interfacesChange(facts, change));
  }
  if (edit?.ok === false) findings.push(...block(edit.reason, 'fix the file first').findings);
  if (edit?.ok) {
    const rest = edit.files.filter(({ path }) => !files.some((file) => file.path === path));
    files.push(...rest.map((file) => fileChange(facts, file.path, file.content)));
  }
  const ours = [
    bridgeScript,
    bridgeUnitFile,
    clientConfigOf(bridge),
    nmFile,
    networkFileOf(bridge),
    networkFileOf(uplink.name),
  ];
  for (const path of ours) {
    if (!files.some((file) => file.path === path)) files.push(...removalOf(facts, path));
  }
  const disable = [
    ...(files.some(({ path }) => path === bridgeUnitFile) ? [bridgeUnit] : []),
    ...(facts.files.some(({ path, content }) => path === networkFileOf(bridge) && hadNetworkdEnabled(content ?? ''))
      ? ['systemd-networkd.service']
      : []),
  ];
  const next = ownerAfter(facts, change, files);
  return { files, enable: [], disable, dhcp: next, findings };
}

/** Who holds the lease once the uplink is its old owner's again. */
function ownerAfter(
  facts: BridgeFacts,
  { bridge, uplink }: Change,
  files: readonly FileChange[],
): BridgePersistence['dhcp'] {
  const carrier = facts.nics.find(({ name }) => name === bridge);
  if (!carrier || !isLeased(carrier)) return 'none';
  const isGone = (path: string) => files.some((file) => file.path === path && file.content === null);
  if (isGone(nmFile)) return 'none';
  return uplink.networkFile !== '' || isGone(networkFileOf(uplink.name)) ? 'networkd' : 'dhclient';
}

const interfacesChange = (facts: BridgeFacts, change: Change) => ({
  bridge: change.bridge,
  uplink: change.uplink.name,
  mac: macOf(facts, change),
  datapath: change.datapath,
});

function removalOf(facts: BridgeFacts, path: string): FileChange[] {
  const now = facts.files.find((file) => file.path === path);
  return now ? [{ path, content: null, mode: now.mode, oldSha256: now.sha256 }] : [];
}

function fileChange(facts: BridgeFacts, path: string, content: string, mode = '644'): FileChange {
  const now = facts.files.find((file) => (file.realPath ?? file.path) === path);
  return { path, content, mode: now?.mode ?? mode, oldSha256: now?.sha256 ?? null };
}

const fileName = (path: string) => path.slice(path.lastIndexOf('/') + 1);

function warn(id: string, text: string, mend: string): BridgeFinding {
  return { id, level: 'warn', field: '', text, mend };
}

function block(text: string, mend: string, field: BridgeFinding['field'] = ''): BridgePersistence {
  return { ...nothing, findings: [{ id: 'persistence', level: 'block', field, text, mend }] };
}
