// The commands of the double. Each answers in the form of minimega 3.1.0's recordings.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import type { ParsedCommand } from '../../core/commands/types.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { defaultOutputFlags } from '../../core/render.ts';
import { minimegaInfoColumns, summaryColumns } from '../../core/vms/info.ts';
import {
  infoData,
  infoRow,
  namesOf,
  namespaceOf,
  resolveVlan,
  vlanText,
  type DoubleCall,
  type DoubleCluster,
  type DoubleNode,
  type DoubleVm,
} from './double-node.ts';
import { launchThere } from './double-launch.ts';
import { takePicture } from './double-pictures.ts';

type Answer = ResponseEntry[] | null;
type Handler = (double: DoubleCluster, command: ParsedCommand, call: DoubleCall) => Answer | Promise<Answer>;

const text = ({ node }: DoubleCall, response: string, data: readonly string[] | null = null): ResponseEntry[] => [
  responseEntry(node.name, { Response: response, Data: data }),
];
const table = ({ node }: DoubleCall, header: string[], rows: string[][]): ResponseEntry[] => [
  responseEntry(node.name, { Header: header, Tabular: rows }),
];
const fileColumns = ['dir', 'name', 'size', 'modified'];
const fileRowsOf = ({ node }: DoubleCall): string[][] =>
  node.files.map(({ name, size }) => ['', name, String(size), '2026-11-22T06:17:41Z']);

const failed = ({ node }: DoubleCall, error: string): ResponseEntry[] => [responseEntry(node.name, { Error: error })];

const defaults: Readonly<Record<string, string>> = { memory: '2048', vcpus: '1', snapshot: 'true' };

/** By the beginning of the pattern; the longest that fits counts. */
const handlers: Readonly<Record<string, Handler>> = {
  version: (_double, _command, call) =>
    text(call, 'minimega 3.1.0 04636ffde53212479924deaaed3819065b144976 2026-11-22'),
  'mesh status': (double, _command, call) => {
    const size = double.members().length;
    const row = [String(size), String(call.node.degree), String(size - 1), double.context, '9000'];
    return table(call, ['size', 'degree', 'peers', 'context', 'port'], [row]);
  },
  'mesh list': (double, { words }, call) => {
    const names = double.members().map(({ name }) => name);
    if (words['all'] === undefined && words['peers'] === undefined) {
      const lines = names.flatMap((name) => [
        name,
        ...names.filter((peer) => peer !== name).map((peer) => ` |--${peer}`),
      ]);
      return text(call, `${lines.join('\n')}\n`);
    }
    const shown = words['peers'] === undefined ? names : names.filter((name) => name !== call.node.name);
    return text(call, describeRange(shown), shown);
  },
  'mesh degree': (_double, { words }, call) => {
    if (words['degree'] === undefined) return text(call, String(call.node.degree));
    call.node.degree = Number(words['degree']);
    return text(call, '');
  },
  'mesh timeout': (_double, { words }, call) => {
    if (words['timeout'] === undefined) {
      return text(call, call.node.meshTimeout === 0 ? 'unlimited' : `${call.node.meshTimeout}s`);
    }
    call.node.meshTimeout = Number(words['timeout']);
    return text(call, '');
  },
  host: (double, { words, pattern }, call) =>
    double.onHosts(call, (node) => {
      const own = { CPUCommit: node.vms.length, MemCommit: node.vms.length * 128, NetworkCommit: node.vms.length };
      const data = {
        ...{ Name: node.name, RxBps: 0, TxBps: 0, CPUs: 2, MemTotal: 24_105, MemUsed: 607, VMs: node.vms.length },
        ...{ AndroidVMs: 0, Limit: -1, ...own, Load: '1.53 7.32 5.13', Uptime: 2_444_550_000_000 },
      };
      const header = 'cpus load memused memtotal rx tx vms vmlimit androidvms cpucommit memcommit netcommit uptime';
      const cells = [
        2,
        data.Load,
        607,
        24_105,
        '0.0',
        '0.0',
        data.VMs,
        -1,
        0,
        own.CPUCommit,
        own.MemCommit,
        own.NetworkCommit,
      ];
      const row = [...cells.map(String), '40m44.55s'];
      const column = pattern.pattern === 'host' ? undefined : Object.keys(words)[0];
      if (column === 'name') return responseEntry(node.name, { Response: node.name, Data: data });
      if (column !== undefined)
        return responseEntry(node.name, { Response: row[header.split(' ').indexOf(column)] ?? '', Data: data });
      return responseEntry(node.name, { Header: header.split(' '), Tabular: [row], Data: data });
    }),
  'namespace [': (double, { words }, call) => {
    const { node } = call;
    if (words['name'] !== undefined) {
      double.mention(node, words['name']);
      node.active = words['name'];
      return text(call, '');
    }
    const rows = [...node.namespaces].map(([name, { range }]) => [name, range, String(name === node.active)]);
    return table(call, ['namespace', 'vlans', 'active'], rows);
  },
  'clear namespace': (double, { words }, call) => {
    if (words['name'] === undefined) call.node.active = defaultNamespace;
    else for (const node of double.members()) node.namespaces.delete(words['name']);
    return text(call, '');
  },
  'ns <hosts,>': (_double, _command, call) => text(call, describeRange(shownHosts(namespaceOf(call).hosts))),
  'ns <load,>': (_double, { words }, call) => {
    const chosen = ['cpucommit', 'memcommit', 'netcommit'].find((name) => words[name] !== undefined);
    if (chosen === undefined) return text(call, namespaceOf(call).load);
    namespaceOf(call).load = chosen;
    return text(call, '');
  },
  'ns <add-hosts,>': (double, { words }, call) => {
    const wanted = words['hostname'] ?? '';
    const names = wanted === 'all' ? double.members().map(({ name }) => name) : namesOf(wanted);
    for (const name of names) {
      if (!double.nodes.has(name)) return failed(call, `unknown host: \`${name}\``);
      namespaceOf(call).hosts.add(name);
    }
    return text(call, '');
  },
  vlans: (_double, { pattern, words }, call) => {
    const { vlans } = namespaceOf(call);
    if (pattern.pattern === 'vlans')
      return table(
        call,
        ['alias', 'vlan'],
        [...vlans].map(([alias, id]) => [alias, String(id)]),
      );
    if (pattern.pattern.includes('<blacklist,>')) return table(call, ['vlan'], []);
    if (pattern.pattern.includes('<add,>')) {
      const [alias = '', id = ''] = [words['alias'], words['vlan']];
      if (!/^\d+$/.test(id)) return failed(call, 'expected integer VLAN');
      if (vlans.has(alias)) return failed(call, 'alias already in use');
      if ([...vlans.values()].includes(Number(id))) return failed(call, 'vlan already in use');
      vlans.set(alias, Number(id));
      return text(call, '');
    }
    return table(call, ['min', 'max', 'next'], [['101', '4096', '101']]);
  },
  'clear vlans': (_double, { words }, call) => {
    for (const alias of [...namespaceOf(call).vlans.keys()]) {
      if (alias.startsWith(words['prefix'] ?? '')) namespaceOf(call).vlans.delete(alias);
    }
    return text(call, '');
  },
  'vm config': (_double, { pattern, parts, words }, call) => {
    const config = call.node.configs.get(call.namespace) ?? new Map<string, string[]>();
    call.node.configs.set(call.namespace, config);
    const saved = `${call.namespace}//${words['name'] ?? ''}`;
    if (pattern.pattern.includes('<save,>')) {
      call.node.saved.set(saved, new Map(config));
      return text(call, '');
    }
    if (pattern.pattern.includes('<restore,>')) {
      const found = call.node.saved.get(saved);
      if (!found) return failed(call, `config ${words['name'] ?? ''} does not exist`);
      call.node.configs.set(call.namespace, new Map(found));
      return text(call, '');
    }
    const field = parts[2]?.text ?? '';
    const values = parts.slice(3).map((part) => part.text);
    if (field === '') return text(call, 'VM configuration:\nMemory:           2048\n');
    if (words['key'] !== undefined) values.splice(0, values.length, ...(config.get(field) ?? []), values.join('='));
    if (values.length === 0) {
      const shown = (config.get(field) ?? []).join(' ');
      return text(call, field === 'networks' ? `[${shown}]` : shown || (defaults[field] ?? ''));
    }
    config.set(field, values);
    return text(call, '');
  },
  'clear vm config': (_double, { parts }, call) => {
    const field = parts[3]?.text;
    if (field === undefined) call.node.configs.delete(call.namespace);
    else call.node.configs.get(call.namespace)?.delete(field);
    return text(call, '');
  },
  'vm launch': (double, { words }, call) => launchThere(double, words, call),
  'vm info': (double, { words }, call) => {
    const header = [...(words['summary'] === undefined ? minimegaInfoColumns : summaryColumns)];
    return double.onHosts(call, (node) => {
      const vms = node.vms.filter(({ namespace }) => namespace === call.namespace);
      const rows = vms.map((vm) => header.map((column) => infoRow(vm)[minimegaInfoColumns.indexOf(column)] ?? 'N/A'));
      const isHere = node === call.node;
      const data = vms.length > 0 || isHere ? vms.map((vm) => infoData(node.name, vm)) : null;
      return responseEntry(node.name, { Header: header, Tabular: rows.length > 0 ? rows : null, Data: data });
    });
  },
  'vm <start,>': (double, { words }, call) => onVms(double, call, words['vm'], (vm) => move(vm, [1, 4, 8, 16], 2)),
  'vm <stop,>': (double, { words }, call) => onVms(double, call, words['vm'], (vm) => move(vm, [2], 4)),
  'vm <kill,>': (double, { words }, call) => onVms(double, call, words['vm'], (vm) => move(vm, [1, 2, 4], 8)),
  'vm <flush,>': (double, { words }, call) => {
    const isAll = words['vm'] === undefined;
    return onVms(double, call, words['vm'] ?? 'all', (vm, node) => {
      if (vm.state < 8) return isAll ? null : `VM state error: ${vm.state}`;
      node.vms.splice(node.vms.indexOf(vm), 1);
      return null;
    });
  },
  'vm screenshot': (double, { words }, call) => takePicture(double, words, call),
  'vm tag': (double, { words, pattern }, call) => {
    if (!pattern.pattern.includes('<value>')) {
      return double.onHosts(call, (node) => {
        const rows = node.vms.flatMap((vm) => [...vm.tags].map(([key, value]) => [vm.name, key, value]));
        return responseEntry(node.name, { Header: ['name', 'tag', 'value'], Tabular: rows.length > 0 ? rows : null });
      });
    }
    return onVms(double, call, words['vm'], (vm) => {
      vm.tags.set(words['key'] ?? '', words['value'] ?? '');
      return null;
    });
  },
  'vm net <connect,>': (double, { words }, call) =>
    onVms(double, call, words['vm'], (vm) => {
      const net = vm.nets[Number(words['tap'])];
      if (!net) return 'no such interface';
      const [alias, vlan] = resolveVlan(namespaceOf(call), words['vlan'] ?? '');
      Object.assign(net, { alias, vlan, bridge: words['bridge'] ?? 'mega_bridge' });
      return null;
    }),
  'vm net <disconnect,>': (double, { words }, call) =>
    onVms(double, call, words['vm'], (vm) => {
      const net = vm.nets[Number(words['tap'])];
      if (!net) return 'no such interface';
      Object.assign(net, { alias: '', vlan: -1, bridge: '' });
      return null;
    }),
  'file <list,>': (_double, _command, call) => {
    const rows = fileRowsOf(call).filter(([, name = '']) => !name.includes('/'));
    return table(call, fileColumns, [['<dir>', 'miniccc_responses', '40', '2026-11-22T06:43:58Z'], ...rows]);
  },
  // Recorded by hand of 3.1.0: paths below -filepath, without folders.
  'file <list,> <path> [recursive,]': (_double, { words }, call) => {
    const folder = (words['path'] ?? '').replace(/^\/|\/$/g, '');
    const isBelow = ([, name = '']: readonly string[]) => folder === '' || name.startsWith(`${folder}/`);
    return table(call, fileColumns, fileRowsOf(call).filter(isBelow));
  },
  'file <status,>': (_double, _command, call) => table(call, ['filename', 'tempdir', 'completed', 'queued'], []),
  'file <delete,>': (_double, { words }, call) => {
    const at = call.node.files.findIndex(({ name }) => name === words['file']);
    if (at >= 0) call.node.files.splice(at, 1);
    return text(call, '');
  },
  'file <stream,>': (_double, { words }, call) => {
    const file = call.node.files.find(({ name }) => name === words['file']);
    if (!file) return failed(call, `stream ${words['file'] ?? ''}: file not found`);
    return [responseEntry(call.node.name, { Data: 'A'.repeat(Math.ceil((file.size * 4) / 3)) })];
  },
  bridge: (_double, _command, call) => {
    call.node.bridges.add('mega_bridge');
    const header = ['bridge', 'preexisting', 'vlans', 'trunks', 'tunnels', 'bonds', 'config'];
    const numbers = call.node.vms.flatMap(({ nets }) => nets.map(({ alias, vlan }) => vlanText(alias, vlan)));
    return table(call, header, [
      ['mega_bridge', 'false', `[${[...new Set(numbers)].join(' ')}]`, '[]', '[]', '[]', '{}'],
    ]);
  },
  tap: (_double, _command, call) => table(call, ['bridge', 'tap', 'vlan'], []),
  '.alias': (_double, _command, call) => table(call, ['alias', 'expansion'], []),
  '.': (_double, { pattern, parts }, call) => {
    const { node } = call;
    const name = pattern.pattern.split(' ')[0]?.slice(1) ?? '';
    const isOn = parts[1]?.text === 'true';
    if (parts[1] === undefined) return text(call, String(node.flags[name as 'headers']));
    if (name === 'csv' || name === 'json') node.flags = { ...node.flags, mode: isOn ? name : defaultOutputFlags.mode };
    else node.flags = { ...node.flags, [name]: isOn };
    return text(call, '');
  },
  quit: () => null,
};

const begins = Object.keys(handlers).sort((a, b) => b.length - a.length);

export function commandsOfDouble(
  double: DoubleCluster,
  command: ParsedCommand,
  call: DoubleCall,
): Answer | Promise<Answer> {
  const { pattern } = command.pattern;
  const found = begins.find((begin) => pattern.startsWith(begin));
  const handler = found === undefined ? undefined : handlers[found];
  return handler ? handler(double, command, call) : failed(call, `the double has no \`${pattern}\``);
}

/** minimega's compressor leaves out a name whose number begins another one's. */
const shownHosts = (hosts: ReadonlySet<string>) =>
  [...hosts].filter(
    (name) => ![...hosts].some((other) => other !== name && /\d$/.test(name) && other.startsWith(name)),
  );

function move(vm: DoubleVm, from: readonly number[], to: number): string | null {
  if (!from.includes(vm.state)) return vm.state === to ? 'vm is already running' : `VM state error: ${vm.state}`;
  vm.state = to;
  return null;
}

/** VM-target commands: a host that has none of the VMs is silent, unless no host has one. */
async function onVms(
  double: DoubleCluster,
  call: DoubleCall,
  target = '',
  act: (vm: DoubleVm, node: DoubleNode) => string | null,
): Promise<ResponseEntry[]> {
  const wanted = target === 'all' ? null : namesOf(target);
  let count = 0;
  const entries = await double.onHosts(call, (node) => {
    const vms = node.vms.filter(
      ({ name, namespace }) => namespace === call.namespace && (wanted?.includes(name) ?? true),
    );
    count += vms.length;
    const errors = vms.flatMap((vm) => act(vm, node) ?? []);
    return responseEntry(node.name, { Error: wanted?.length === 1 ? (errors[0] ?? '') : '' });
  });
  if (count === 0 && wanted?.length === 1) return failed(call, `vm not found: ${target}`);
  return entries;
}
