// `dnsmasq`: DHCP and DNS servers of this node. Columns and texts are minimega's where it has one; `serve`, `info` and `leases` are ours.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { maxDhcpExtras } from '../../contract/limits.ts';
import type { DhcpExtras } from '../../core/dhcp/config-text.ts';
import { dhcpDefaults, isDomain, parseDhcp, readDhcpOptions, type DhcpSettings } from '../../core/dhcp/settings.ts';
import { parseIp4, parseNetwork4 } from '../../core/net/ip4.ts';
import { defaultBridge } from '../../core/vms/net-spec.ts';
import type { Result } from '../../core/vms/result.ts';
import type { HostTap } from '../../host/ovs/host-taps.ts';
import type { DhcpServer, NewDhcp, NodeDhcp } from '../dhcp/node-dhcp.ts';
import type { OtherServers } from '../dhcp/others.ts';
import { dhcpRow } from '../rows/dhcp-rows.ts';
import type { ListedVm } from '../vms/launch-plan.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import { wordOf } from './vm-targets.ts';

export interface DnsmasqComponents {
  readonly nodeId: string;
  readonly dhcp: Pick<NodeDhcp, 'list' | 'serve' | 'kill' | 'killAll' | 'configure' | 'folderOf'>;
  readonly others: Pick<OtherServers, 'warnings'>;
  /** Interfaces of this node that somebody asked for, of a namespace. */
  readonly hostTaps: (namespace: string) => readonly HostTap[];
  /** VMs of a namespace on all nodes. */
  readonly listed: (namespace: string) => readonly ListedVm[];
}

type Answered = Partial<Omit<ResponseEntry, 'Host'>>;

export function createDnsmasqHandlers(components: DnsmasqComponents): Handlers {
  const { dhcp } = components;
  const answering =
    (answer: (call: CommandCall) => Promise<Answered> | Answered): Handler =>
    async (call) => [responseEntry(call.host, await answer(call))];
  const show = (rows: (extras: DhcpExtras) => readonly (readonly string[])[], ...Header: string[]): Handler =>
    answering((call) => ({ Header, Tabular: rows(serverOf(call, dhcp).record.extras).map((row) => [...row]) }));
  const add = (change: (call: CommandCall) => (before: DhcpExtras) => DhcpExtras): Handler =>
    answering(async (call) => {
      const { record } = serverOf(call, dhcp);
      await dhcp.configure(record.id, change(call));
      return {};
    });

  return {
    dnsmasq: answering(({ namespace }) => ({
      Header: ['id', 'address', 'min', 'max', 'path', 'pid'],
      Tabular: dhcp
        .list(namespace)
        .map(({ record: { id, settings, process } }) => [
          String(id),
          settings.address.split('/')[0] ?? '',
          ...[settings.low, settings.high, dhcp.folderOf(id), String(process?.pid ?? 0)],
        ]),
    })),
    'dnsmasq <info,>': answering(({ namespace }) => {
      const servers = dhcp.list(namespace);
      return {
        Header: [...infoColumns],
        Tabular: servers.map(infoCells),
        Data: servers.map((server) => dhcpRow(components.nodeId, server)),
      };
    }),
    'dnsmasq <leases,> [ID]': answering((call) => leasesOf(call, components)),

    'dnsmasq <serve,> <vlan> <address> <low> <high> [option]...': answering((call) => serve(call, components)),
    'dnsmasq start <listen address> <low dhcp range> <high dhcp range> [config]': answering((call) =>
      serveOnTap(call, components),
    ),
    'dnsmasq kill <id or all>': answering(async (call) => {
      if (wordOf(call, 'id') !== 'all') await dhcp.kill(serverOf(call, dhcp, 'id').record.id);
      else {
        const left = await dhcp.killAll(call.namespace);
        if (left.length > 0) throw new AppError('failed', left.join('\n'));
      }
      return {};
    }),

    'dnsmasq configure <ID> <ip,>': show(({ statics }) => statics.map(({ mac, ip }) => [mac, ip]), 'mac', 'ip'),
    'dnsmasq configure <ID> <ip,> <mac address> <ip>': add((call) => {
      const mac = wordOf(call, 'mac').toLowerCase();
      if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac))
        throw new AppError('invalid', `invalid MAC address: \`${clip(mac)}\``);
      const ip = ipOf(call);
      const network = parseNetwork4(serverOf(call, dhcp).record.settings.address);
      const value = parseIp4(ip) ?? 0;
      if (network && (value <= network.first || value >= network.last))
        throw new AppError('invalid', `${ip} is not in the network of the server`);
      return (before) => ({
        ...before,
        statics: bounded([...before.statics.filter((each) => each.mac !== mac), { mac, ip }]),
      });
    }),
    'dnsmasq configure <ID> <dns,>': show(({ names }) => names.map(({ ip, name }) => [ip, name]), 'ip', 'hostname'),
    'dnsmasq configure <ID> <dns,> <ip> <hostname>': add((call) => {
      const [ip, name] = [ipOf(call), wordOf(call, 'hostname')];
      if (!isDomain(name)) throw new AppError('invalid', `\`${clip(name)}\` is not the name of a host`);
      return (before) => ({ ...before, names: bounded([...before.names, { ip, name }]) });
    }),
    'dnsmasq configure <ID> <dns,> <upstream,>': show(({ upstream }) => upstream.map((ip) => [ip]), 'server'),
    'dnsmasq configure <ID> <dns,> <upstream,> server <ip>': add((call) => {
      const ip = ipOf(call);
      return (before) => ({ ...before, upstream: bounded([...before.upstream.filter((each) => each !== ip), ip]) });
    }),
    'dnsmasq configure <ID> <options,>': show(({ options }) => options.map((option) => [option]), 'option'),
    'dnsmasq configure <ID> <options,> <optionstring>': add((call) => {
      const option = wordOf(call, 'optionstring').replace(/^(--)?dhcp-option=/, '');
      // A line of its configuration: anything else could be another setting.
      if (!/^[A-Za-z0-9 :;.,"@/_\-[\]]{1,255}$/.test(option))
        throw new AppError(
          'invalid',
          `\`${clip(option)}\`: an option as dnsmasq has it, such as option:ntp-server,10.0.0.5`,
        );
      return (before) => ({ ...before, options: bounded([...before.options, option]) });
    }),
  };
}

const infoColumns = ['id', 'vlan', 'address', 'min', 'max', 'gateway', 'dns', 'leases', 'state', 'reason'] as const;

const infoCells = ({ record, state, reason, leases }: DhcpServer): string[] => {
  const { id, vlan, alias, settings } = record;
  return [
    String(id),
    alias === '' ? String(vlan) : `${alias} (${vlan})`,
    ...[settings.address, settings.low, settings.high, settings.gateway, settings.dns.join(',')],
    ...[String(leases.length), state, reason],
  ];
};

async function serve(call: CommandCall, components: DnsmasqComponents): Promise<Answered> {
  const options = call.command.lists['option'] ?? [];
  const bridge = options.find((option) => option.startsWith('bridge='))?.slice('bridge='.length) ?? defaultBridge;
  const rest = valid(readDhcpOptions(options.filter((option) => !option.startsWith('bridge='))));
  const [address, low, high] = [wordOf(call, 'address'), wordOf(call, 'low'), wordOf(call, 'high')];
  const settings = valid(parseDhcp({ address, low, high, ...rest }));
  return begin(call, components, { settings, on: { vlan: wordOf(call, 'vlan'), bridge } });
}

/** minimega's: the interface is there, and has the address. */
async function serveOnTap(call: CommandCall, components: DnsmasqComponents): Promise<Answered> {
  if (call.command.words['config'] !== undefined)
    throw new AppError(
      'refused',
      'a configuration of dnsmasq can run programs on this node, so meshd takes none: `dnsmasq configure` has what guests need',
    );
  const listen = wordOf(call, 'listen');
  const tap = components
    .hostTaps(call.namespace)
    .find(({ address }) => address.split('/')[0] === listen && listen !== '');
  if (!tap)
    throw new AppError(
      'not-found',
      `no tap of this node in the namespace has the address ${clip(listen)}: \`tap create <vlan> ip ${clip(listen)}/24\` makes one, and \`dnsmasq serve\` needs none`,
    );
  const words = { address: tap.address, low: wordOf(call, 'low'), high: wordOf(call, 'high'), ...dhcpDefaults };
  // As in minimega, the server says that it is the guests' gateway.
  const settings: DhcpSettings = { ...valid(parseDhcp(words)), gateway: listen };
  return begin(call, components, { settings, on: { tap: tap.name } });
}

async function begin(
  { namespace, signal }: CommandCall,
  { dhcp, others, nodeId }: DnsmasqComponents,
  order: Omit<NewDhcp, 'namespace'>,
): Promise<Answered> {
  const server = await dhcp.serve({ ...order, namespace }, { signal });
  const warnings = await others.warnings(server.record.vlan, signal);
  return { Response: warnings.join('\n'), Data: dhcpRow(nodeId, server) };
}

function leasesOf(call: CommandCall, { dhcp, listed }: DnsmasqComponents): Answered {
  const text = call.command.words['ID'];
  const servers = dhcp.list(call.namespace).filter(({ record }) => text === undefined || String(record.id) === text);
  const vms = new Map(listed(call.namespace).flatMap(({ name, macs }) => macs.map((mac) => [mac.toLowerCase(), name])));
  const rows = servers.flatMap(({ record, leases }) =>
    leases.map(({ mac, ip, name, expiresAtMs }) => [
      ...[String(record.id), ip, mac, vms.get(mac) ?? '', name],
      new Date(expiresAtMs).toISOString().replace('.000Z', 'Z'),
    ]),
  );
  return { Header: ['id', 'ip', 'mac', 'vm', 'hostname', 'expires'], Tabular: rows };
}

function serverOf(call: CommandCall, dhcp: Pick<NodeDhcp, 'list'>, key = 'ID'): DhcpServer {
  const text = wordOf(call, key);
  const server = dhcp.list(call.namespace).find(({ record }) => String(record.id) === text);
  if (!server)
    throw new AppError(
      'not-found',
      `invalid ID: \`${clip(text)}\`: \`dnsmasq\` shows those of this node and namespace`,
    );
  return server;
}

function ipOf(call: CommandCall): string {
  const ip = wordOf(call, 'ip');
  if (parseIp4(ip) === null) throw new AppError('invalid', `invalid IP: \`${clip(ip)}\``);
  return ip;
}

function bounded<T>(items: readonly T[]): readonly T[] {
  if (items.length > maxDhcpExtras) throw new AppError('refused', `at most ${maxDhcpExtras} of them for one server`);
  return items;
}

const clip = (text: string) => text.slice(0, 60);

function valid<T>(result: Result<T>): T {
  if (!result.ok) throw new AppError('invalid', result.message);
  return result.value;
}
