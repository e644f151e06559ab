// `tap`: interfaces of this node on VLANs, and mirrors of traffic. Columns and texts are minimega's where it has one.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import type { AliasName } from '../../core/vlans/names.ts';
import { matchVm } from '../../core/vms/names.ts';
import { defaultBridge } from '../../core/vms/net-spec.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { NodeTaps } from '../taps/node-taps.ts';
import { describeVlan } from '../vlans/allocator.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import { vmNamed, wordOf } from './vm-targets.ts';

export interface TapComponents {
  readonly taps: Pick<NodeTaps, 'list' | 'mirrors' | 'create' | 'remove' | 'removeAll' | 'mirror' | 'removeMirrors'>;
  readonly vms: Pick<LocalVms, 'list'>;
  /** The alias that has this VLAN; null for none. */
  readonly aliasOf: (vlan: number) => AliasName | null;
}

export function createTapHandlers({ taps, vms, aliasOf }: TapComponents): Handlers {
  const answering =
    (
      answer: (
        call: CommandCall,
      ) => Promise<Partial<Omit<ResponseEntry, 'Host'>>> | Partial<Omit<ResponseEntry, 'Host'>>,
    ): Handler =>
    async (call) => [responseEntry(call.host, await answer(call))];

  const create = answering(async (call) => {
    const { words } = call.command;
    if (words['dhcp'] !== undefined)
      throw new AppError(
        'refused',
        'not in meshd: a guest on the VLAN could choose the addresses and routes of this node; nearest: `tap create <vlan> ip <address>`',
      );
    const order = {
      vlan: wordOf(call, 'vlan'),
      bridge: words['bridge'] ?? defaultBridge,
      name: words['tap'] ?? '',
      address: words['ip'] ?? '',
    };
    return { Response: await taps.create(order, call.namespace, { signal: call.signal }) };
  });
  const forms = ['', ' <dhcp,> [tap name]', ' bridge <bridge>', ' bridge <bridge> <dhcp,> [tap name]']
    .concat([' bridge <bridge> ip <ip> [tap name]', ' bridge <bridge> name [tap name]'])
    .concat([' ip <ip> [tap name]', ' name <tap name>']);

  /** The tap of a VM's NIC. @throws AppError with minimega's text */
  const tapOf = (vm: VmRecord | undefined, name: string, index: string): string => {
    if (!vm) throw new AppError('not-found', `vms are not colocated or invalid vm name: ${name}`);
    const net = /^\d{1,4}$/.test(index) ? vm.nets[Number(index)] : undefined;
    if (!net) throw new AppError('invalid', `invalid tap index specified: ${index.slice(0, 20)}`);
    return net.tap;
  };

  return {
    tap: answering(({ namespace }) => ({
      Header: ['bridge', 'tap', 'vlan'],
      Tabular: taps
        .list(namespace)
        .map(({ bridge, name, vlan }) => [bridge, name, describeVlan(vlan, aliasOf(vlan), namespace)]),
    })),
    ...Object.fromEntries(forms.map((form) => [`tap <create,> <vlan>${form}`, create])),
    'tap <delete,> <tap name or all>': answering(async (call) => {
      const name = wordOf(call, 'tap');
      if (name === 'all') await taps.removeAll(call.namespace);
      else await taps.remove(name, call.namespace);
      return {};
    }),
    'clear tap': answering(async ({ namespace }) => {
      await taps.removeMirrors(null, namespace);
      await taps.removeAll(namespace);
      return {};
    }),

    'tap <mirror,>': answering(({ namespace }) => ({
      Header: ['bridge', 'source', 'destination'],
      Tabular: taps.mirrors(namespace).map(({ bridge, source, output }) => [bridge, source, output]),
    })),
    'tap <mirror,> <src name> <dst name> [bridge]': answering(async (call) => {
      const [source, output] = [wordOf(call, 'src'), wordOf(call, 'dst')];
      // Another namespace's traffic is not this one's to see.
      const own = new Set([
        ...taps.list(call.namespace).map(({ name }) => name),
        ...vms.list(call.namespace).flatMap(({ nets }) => nets.map(({ tap }) => tap)),
      ]);
      if (!own.has(source)) throw new AppError('not-found', 'source tap is not on bridge');
      if (!own.has(output)) throw new AppError('not-found', 'destination tap is not on bridge');
      await taps.mirror(source, output, { bridge: call.command.words['bridge'] ?? '', namespace: call.namespace });
      return {};
    }),
    'tap <mirror,> <vm name> <interface index> <vm2 name> <interface2 index>': answering(async (call) => {
      const { namespace } = call;
      const source = tapOf(vmNamed(call, vms), '', wordOf(call, 'interface'));
      const other = wordOf(call, 'vm2');
      const output = tapOf(matchVm(other, vms.list(namespace)), other, wordOf(call, 'interface2'));
      await taps.mirror(source, output, { bridge: '', namespace });
      return {};
    }),
    'clear tap <mirror,> [name]': answering(async (call) => {
      const name = call.command.words['name'];
      await taps.removeMirrors(name === undefined ? null : [name], call.namespace);
      return {};
    }),
    'clear tap <mirror,> <vm name> <interface index or all>': answering(async (call) => {
      const vm = vmNamed(call, vms);
      const index = wordOf(call, 'interface');
      const all = new Set(taps.mirrors(call.namespace).map(({ output }) => output));
      const own =
        index === 'all' ? vm.nets.map(({ tap }) => tap).filter((tap) => all.has(tap)) : [tapOf(vm, '', index)];
      await taps.removeMirrors(own, call.namespace);
      return {};
    }),
  };
}
