// `capture`: packets and flows into files, with minimega's columns and texts; ours are behind them. Owns what a line means; captures are
// agent/capture's.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { parseImageName } from '../../core/files/file-name.ts';
import { matchVm } from '../../core/vms/names.ts';
import { interfaceOf, type CaptureKind, type CaptureRecord } from '../../core/capture/record.ts';
import { parseFilter, parseSnaplen, withOptions, type CaptureSettings } from '../../core/capture/settings.ts';
import { parseAtoi, parseUint, type Result } from '../../core/vms/result.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { Captures } from '../capture/captures.ts';
import { parseSocketAddress } from '../capture/flow-target.ts';
import type { CaptureSettingsBook, NamespaceSettings } from '../capture/settings.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import { vmNotFound, type CommandCall, type Handler, type Handlers } from './handler.ts';
import { vmNamed, wordOf } from './vm-targets.ts';

const columns = ['bridge', 'type', 'interface', 'mode', 'compress', 'path'];
const allColumns = ['id', ...columns, 'state', 'packets', 'bytes', 'dropped', 'by', 'filter', 'reason'];
const all = 'all';

export interface CaptureCommandComponents {
  readonly captures: Captures;
  readonly settings: CaptureSettingsBook;
  readonly vms: Pick<LocalVms, 'list'>;
  /** -filepath. */
  readonly root: string;
}

export function createCaptureHandlers(components: CaptureCommandComponents): Handlers {
  return {
    ...listHandlers(components),
    ...packetHandlers(components),
    ...flowHandlers(components),
    ...settingHandlers(components),
  };
}

function listHandlers({ captures, settings, root }: CaptureCommandComponents): Handlers {
  const cellsOf = (record: CaptureRecord) => [
    ...[record.bridge, record.kind, interfaceOf(record), record.mode],
    record.kind === 'netflow' ? String(record.isCompressed) : '',
    record.isFile ? `${root}/${record.target}` : record.target,
  ];
  return {
    capture: answering(({ namespace, origin }) => {
      const running = captures.list(namespace).filter(({ state }) => state === 'running');
      // Go's encoding of what crosses the mesh has no empty list.
      const isNull = running.length === 0 && origin.via === 'mesh';
      return { Header: columns, Tabular: isNull ? null : running.map(cellsOf) };
    }),
    'capture <all,>': answering(({ namespace }) => ({
      Header: allColumns,
      Tabular: captures
        .list(namespace)
        .map((record) => [
          ...[String(record.id), ...cellsOf(record), record.state, String(record.packets), String(record.bytes)],
          ...[record.dropped === null ? '' : String(record.dropped), record.by, record.filter, record.reason],
        ]),
    })),
    'capture <stop,> <id>': answering(async (call) => {
      const record = recordOf(call, captures);
      if (record.state !== 'running') throw new AppError('refused', `capture ${record.id} has ended already`);
      await captures.end([record.id]);
      return {};
    }),
    'capture <forget,> <id>': answering(async (call) => {
      if (wordOf(call, 'id') === all) {
        await captures.forget(captures.list(call.namespace).map(({ id }) => id));
        return {};
      }
      const record = recordOf(call, captures);
      if (record.state === 'running')
        throw new AppError('refused', `capture ${record.id} runs: \`capture stop ${record.id}\``);
      await captures.forget([record.id]);
      return {};
    }),
    'clear capture [netflow,pcap]': answering(async ({ namespace }) => {
      // minimega ends all of them, whichever word is there.
      await captures.end(captures.list(namespace).map(({ id }) => id));
      settings.forget(namespace);
      return {};
    }),
  };
}

/** @throws AppError */
function recordOf(call: CommandCall, captures: Captures): CaptureRecord {
  const id = valid(parseAtoi(wordOf(call, 'id')));
  const record = captures.list(call.namespace).find((each) => each.id === id);
  if (!record) throw new AppError('not-found', `no capture ${id} in the namespace ${call.namespace} on ${call.host}`);
  return record;
}

function packetHandlers(components: CaptureCommandComponents): Handlers {
  const { captures, settings, vms } = components;
  const endAll = (kind: CaptureKind, isMeant: (record: CaptureRecord) => boolean) => (namespace: string) =>
    captures.end(
      captures
        .list(namespace)
        .filter((record) => record.kind === kind && isMeant(record))
        .map(({ id }) => id),
    );
  const ofVm = answering(async (call) => {
    const vm = vmNamed(call, vms);
    const wanted = settingsOf(call, settings);
    const file = fileOf(call, components);
    const text = wordOf(call, 'interface');
    const nics = text === all ? vm.nets.map((_net, nic) => nic) : [nicOf(text, vm)];
    if (nics.length === 0) throw new AppError('invalid', `${vm.name} has no interface`);
    const started: number[] = [];
    try {
      for (const nic of nics) {
        const net = vm.nets[nic];
        if (!net || net.tap === '')
          throw new AppError('refused', `interface ${nic} of ${vm.name} has no tap on ${call.host} now`);
        const record = await captures.startPackets({
          namespace: call.namespace,
          bridge: net.bridge,
          vm: { id: vm.id, name: vm.name, nic },
          place: { kind: 'tap', tap: net.tap },
          file: text === all ? withNic(file, nic) : file,
          settings: wanted,
        });
        started.push(record.id);
      }
    } catch (error) {
      await captures.end(started).catch(() => undefined);
      throw error;
    }
    return {};
  });
  const ofBridge = answering(async (call) => {
    const bridge = wordOf(call, 'bridge');
    const wanted = settingsOf(call, settings);
    const file = fileOf(call, components);
    const place = { kind: 'bridge', bridge } as const;
    await captures.startPackets({ namespace: call.namespace, bridge, vm: null, place, file, settings: wanted });
    return {};
  });
  return {
    'capture <pcap,> vm <vm name> <interface index> <filename>': ofVm,
    'capture <pcap,> vm <vm name> <interface index> <filename> <option>...': ofVm,
    'capture <pcap,> bridge <bridge> <filename>': ofBridge,
    'capture <pcap,> bridge <bridge> <filename> <option>...': ofBridge,
    'capture <pcap,> <delete,> vm <vm name>': answering(async (call) => {
      const name = wordOf(call, 'vm');
      const vm = matchVm(name, vms.list(call.namespace));
      // One that was flushed may have a capture that has not noticed yet.
      const isMeant = (record: CaptureRecord) =>
        record.vm !== null && (name === all || record.vm.id === vm?.id || record.vm.name === name);
      if (name !== all && !vm && !captures.list(call.namespace).some(isMeant))
        throw new AppError('not-found', `${vmNotFound}${name}`);
      await endAll('pcap', isMeant)(call.namespace);
      return {};
    }),
    'capture <pcap,> <delete,> bridge <bridge>': answering(async (call) => {
      const bridge = wordOf(call, 'bridge');
      await endAll('pcap', ({ vm, bridge: of }) => vm === null && (bridge === all || of === bridge))(call.namespace);
      return {};
    }),
    'capture <netflow,> <delete,> bridge <bridge>': answering(async (call) => {
      const bridge = wordOf(call, 'bridge');
      await endAll('netflow', ({ bridge: of }) => bridge === all || of === bridge)(call.namespace);
      return {};
    }),
  };
}

/** The NIC that a line names. @throws AppError `invalid` with minimega's texts */
function nicOf(text: string, vm: VmRecord): number {
  const index = parseAtoi(text);
  if (!index.ok) throw new AppError('invalid', `invalid interface: \`${text.slice(0, 40)}\``);
  if (index.value < 0 || index.value >= vm.nets.length)
    throw new AppError('invalid', `no such interface ${index.value} for ${vm.name}`);
  return index.value;
}

/** `web.pcap` becomes `web-0.pcap`. */
function withNic(file: string, nic: number): string {
  const dot = file.lastIndexOf('.');
  return dot > file.lastIndexOf('/') + 1 ? `${file.slice(0, dot)}-${nic}${file.slice(dot)}` : `${file}-${nic}`;
}

/** @throws AppError `invalid` */
function settingsOf(call: CommandCall, settings: CaptureSettingsBook): CaptureSettings {
  return valid(withOptions(settings.of(call.namespace), call.command.lists['option'] ?? []));
}

/** @throws AppError `refused` for a file elsewhere, `invalid` */
function fileOf(call: CommandCall, { root }: CaptureCommandComponents): string {
  const name = parseImageName(wordOf(call, 'filename'), root);
  if (!name.ok) throw new AppError('invalid', name.message.replace('images lie', 'captures lie'));
  return name.name;
}

function flowHandlers(components: CaptureCommandComponents): Handlers {
  const { captures, settings } = components;
  const start = async (call: CommandCall, target: Parameters<Captures['startFlows']>[0]['target']) => {
    const { mode, isCompressed, ...wanted } = settings.of(call.namespace);
    const { namespace } = call;
    await captures.startFlows({
      namespace,
      bridge: wordOf(call, 'bridge'),
      target,
      mode,
      isCompressed,
      settings: wanted,
    });
    return {};
  };
  return {
    'capture <netflow,> <bridge,> <bridge> <filename>': answering((call) =>
      start(call, { file: fileOf(call, components) }),
    ),
    'capture <netflow,> <bridge,> <bridge> <tcp,udp> <hostname:port>': answering((call) => {
      const over = call.command.words['udp'] === undefined ? 'tcp' : 'udp';
      return start(call, { over, ...parseSocketAddress(wordOf(call, 'hostname:port')) });
    }),
    'capture <netflow,> <timeout,> [timeout in seconds]': answering(async (call) => {
      const text = call.command.words['timeout'];
      // The choice has the same key as its value.
      if (text === undefined || text === 'timeout') return { Response: String(captures.flows.timeoutSeconds) };
      const seconds = valid(parseUint(text));
      if (seconds > 24 * 3_600) throw new AppError('invalid', 'timeout is a number of seconds up to 86400');
      await captures.flows.setTimeout(seconds);
      return {};
    }),
  };
}

function settingHandlers({ captures, settings }: CaptureCommandComponents): Handlers {
  /** Shows what is set, or sets it. */
  const setting = (
    shown: (now: NamespaceSettings) => string,
    read: (call: CommandCall) => Promise<Partial<NamespaceSettings> | null> | Partial<NamespaceSettings> | null,
  ) =>
    answering(async (call) => {
      const change = await read(call);
      if (change === null) return { Response: shown(settings.of(call.namespace)) };
      settings.change(call.namespace, change);
      return {};
    });
  return {
    'capture <pcap,> <snaplen,> [size]': setting(
      ({ snaplen }) => String(snaplen),
      ({ command: { words } }) =>
        words['size'] === undefined ? null : { snaplen: valid(parseSnaplen(words['size'])) },
    ),
    'capture <pcap,> <filter,> [bpf]': setting(
      ({ filter }) => filter,
      async ({ command: { words } }) => {
        if (words['bpf'] === undefined) return null;
        const filter = valid(parseFilter(words['bpf']));
        await captures.checkFilter(filter);
        return { filter };
      },
    ),
    'capture <check,> <bpf>': answering(async (call) => {
      await captures.checkFilter(valid(parseFilter(wordOf(call, 'bpf'))));
      return {};
    }),
    'capture <netflow,> <gzip,> [true,false]': setting(
      ({ isCompressed }) => String(isCompressed),
      ({ command: { words } }) =>
        words['true'] === undefined && words['false'] === undefined
          ? null
          : { isCompressed: words['true'] !== undefined },
    ),
    'capture <netflow,> <mode,> [raw,ascii]': setting(
      ({ mode }) => mode,
      ({ command: { words } }) =>
        words['raw'] === undefined && words['ascii'] === undefined
          ? null
          : { mode: words['raw'] === undefined ? 'ascii' : 'raw' },
    ),
  };
}

type Answered = Partial<Omit<ResponseEntry, 'Host'>>;

/** A handler whose answer is one entry of this host. */
function answering(answer: (call: CommandCall) => Promise<Answered> | Answered): Handler {
  return async (call) => [responseEntry(call.host, await answer(call))];
}

function valid<T>(result: Result<T>): T {
  if (!result.ok) throw new AppError('invalid', result.message);
  return result.value;
}
