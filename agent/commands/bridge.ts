// `bridge`: shows the bridges of this node, and changes those of its VMs. Looking never makes one. The one with the uplink is the console's to
// change, which arms a rollback first: `bridge uplink` shows it. Columns and texts are minimega's where it has one.
import { isIP } from 'node:net';
import type { BridgeSummary } from '../../contract/bridge.ts';
import { responseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { goJson } from '../../core/go-json.ts';
import type { AliasName } from '../../core/vlans/names.ts';
import { parseSetting } from '../../host/ovs/bridge-config.ts';
import type { Tunnel } from '../../host/ovs/switch-host.ts';
import type { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import { describeVlan } from '../vlans/allocator.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';

const columns = ['bridge', 'preexisting', 'vlans', 'trunks', 'tunnels', 'bonds', 'config'];
const uplinkColumns = ['bridge', 'uplink', 'owner', 'persistence', 'reboot', 'transaction', 'alarms'];

export type BridgeSwitch = Pick<
  VirtualSwitch,
  'state' | 'configureBridge' | 'addTrunk' | 'removeTrunk' | 'addTunnel' | 'removeTunnel' | 'removeBridge'
>;

export interface BridgeComponents {
  /** Looks at this host now: the bridge with the uplink. */
  readonly observe: () => Promise<BridgeSummary>;
  readonly ports: BridgeSwitch;
  /** The alias that has this VLAN; null for none. */
  readonly aliasOf: (vlan: number) => AliasName | null;
}

export function createBridgeHandlers({ observe, ports, aliasOf }: BridgeComponents): Handlers {
  const acts =
    (act: (call: CommandCall) => Promise<unknown>): Handler =>
    async (call) => {
      await act(call);
      return [responseEntry(call.host, {})];
    };
  return {
    bridge: ({ host, namespace }) => {
      const rows = ports
        .state()
        .bridges.map((bridge) => [
          bridge.name,
          String(!bridge.isOurs),
          list(bridge.vlans.map((vlan) => describeVlan(vlan, aliasOf(vlan), namespace))),
          ...[bridge.trunks, bridge.tunnels, bridge.bonds].map(list),
          goJson(bridge.config),
        ]);
      return Promise.resolve([responseEntry(host, { Header: columns, Tabular: rows })]);
    },

    'bridge <uplink,>': async ({ host }) => {
      const summary = await observe();
      const cells = uplinkCells(summary);
      // While Open vSwitch is away, or no bridge is there yet, a change under way or an alarm shows all the same.
      const rows = summary.bridge !== '' || cells.some((cell) => cell !== '') ? [[summary.bridge, ...cells]] : [];
      return [responseEntry(host, { Header: uplinkColumns, Tabular: rows, Data: summary })];
    },

    'bridge <config,> <bridge> <config>': acts((call) =>
      ports.configureBridge(word(call, 'bridge'), parseSetting(word(call, 'config'))),
    ),
    'bridge <trunk,> <bridge> <interface>': acts((call) =>
      ports.addTrunk(word(call, 'bridge'), word(call, 'interface')),
    ),
    'bridge <notrunk,> <bridge> <interface>': acts((call) =>
      ports.removeTrunk(word(call, 'bridge'), word(call, 'interface')),
    ),
    'bridge <tunnel,> <vxlan,gre> <bridge> <remote ip> [key]': acts((call) =>
      ports.addTunnel(word(call, 'bridge'), tunnelOf(call)),
    ),
    'bridge <notunnel,> <bridge> <interface>': acts((call) =>
      ports.removeTunnel(word(call, 'bridge'), word(call, 'interface')),
    ),
    'bridge <destroy,> <bridge>': acts((call) => ports.removeBridge(word(call, 'bridge'))),
  };
}

const list = (items: readonly string[]) => `[${items.join(' ')}]`;

const uplinkCells = ({ uplink, owner, persistence, reboot, transaction, alarms }: BridgeSummary) => [
  ...[uplink, owner, persistence, reboot, transaction],
  alarms.join('; '),
];

/** Bits of a key: a VNI (RFC 7348), a GRE key (RFC 2890). */
const keyBits = { vxlan: 24, gre: 32 } as const;

function tunnelOf(call: CommandCall): Tunnel {
  const kind = call.command.words['vxlan'] === undefined ? 'gre' : 'vxlan';
  const remote = word(call, 'remote');
  if (isIP(remote) === 0)
    throw new AppError(
      'invalid',
      `a tunnel goes to an IP address, not to "${remote}": \`host\` and \`mesh list\` know names`,
    );
  const key = word(call, 'key');
  const last = 2 ** keyBits[kind] - 1;
  if (key !== '' && !(/^[0-9]{1,10}$/.test(key) && Number(key) <= last))
    throw new AppError('invalid', `the key of a ${kind} tunnel is a number from 0 to ${last}, not "${key}"`);
  return { kind, remote, key };
}

const word = ({ command }: CommandCall, key: string): string => command.words[key] ?? '';
