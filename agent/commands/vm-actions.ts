// The commands that act on VMs of this host: each host of the namespace runs the line itself. Texts are minimega's where it has one; what an action
// does in a state is core/vms/states.ts.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { quoteWord } from '../../core/commands/tokens.ts';
import { bondPatterns, maxShutdownSeconds } from '../../core/commands/vm-patterns.ts';
import { parseVlanOrAlias } from '../../core/vlans/names.ts';
import { findField, type ConfigSurroundings } from '../../core/vms/config-fields.ts';
import { parseBondSpec } from '../../core/vms/bond-spec.ts';
import { defaultBridge, defaultDriver, parseNetSpec } from '../../core/vms/net-spec.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { parseAtoi, type Result } from '../../core/vms/result.ts';
import { writeFileAtomic } from '../../host/files.ts';
import type { LocalVms, VmActionArguments } from '../vms/local-vms.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import type { Peers } from './peers.ts';
import { assertFits, doToEach, throwErrors, vmNamed, vmsMeant, wordOf } from './vm-targets.ts';

export interface VmActionComponents {
  readonly vms: LocalVms;
  /** Names of the hosts of a namespace. */
  readonly hosts: (namespace: string) => readonly string[];
  readonly peers: Peers;
  readonly meshTimeoutMs: () => number;
  readonly surroundings: () => ConfigSurroundings;
  /** A file below -filepath, as an absolute path. @throws AppError for anything else */
  readonly resolvePath: (name: string) => Promise<string>;
}

const defaultShutdownSeconds = 60;

export function createVmActionHandlers(components: VmActionComponents): Handlers {
  const { vms } = components;
  const act = (wanted: (call: CommandCall) => VmActionArguments): Handler =>
    answering(async (call) => {
      const meant = vmsMeant(call, vms);
      const ids = meant.vms.map(({ id }) => id);
      const results = await vms.act(ids, wanted(call), { signal: call.signal, target: meant.target });
      throwErrors(
        results.filter(({ isSkip }) => meant.isSingle || !isSkip),
        meant.isSingle,
      );
      return {};
    });

  return {
    'vm <start,> <vm target>': act(() => ({ action: 'start' })),
    'vm <stop,> <vm target>': act(() => ({ action: 'stop' })),
    'vm <kill,> <vm target>': act(() => ({ action: 'kill' })),
    'vm <flush,> <vm target>': act(() => ({ action: 'flush' })),
    'vm <flush,>': answering(async ({ namespace, signal }) => {
      const ids = vms.list(namespace).map(({ id }) => id);
      const results = await vms.act(ids, { action: 'flush' }, { signal, target: 'all' });
      throwErrors(
        results.filter(({ isSkip }) => !isSkip),
        false,
      );
      return {};
    }),
    'vm <reboot,> <vm target>': act(() => ({ action: 'reboot' })),
    'vm <shutdown,> <vm target> [seconds]': act((call) => ({ action: 'shutdown', deadlineMs: shutdownMs(call) })),
    ...tagHandlers(components),
    ...netHandlers(components),
    ...mediaHandlers(components),
    ...consoleHandlers(components),
  };
}

function shutdownMs({ command }: CommandCall): number {
  const text = command.words['seconds'];
  if (text === undefined) return defaultShutdownSeconds * 1000;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > maxShutdownSeconds) {
    throw new AppError(
      'invalid',
      `\`${text.slice(0, 20)}\`: how long the guests have, 1 to ${maxShutdownSeconds} seconds`,
    );
  }
  return seconds * 1000;
}

function tagHandlers({ vms, surroundings }: VmActionComponents): Handlers {
  const clear = (meant: readonly VmRecord[], key: string) =>
    Promise.all(
      meant.map(({ id, config }) => {
        const keys = key === 'all' ? Object.keys(config.tags) : [key];
        return vms.tag(id, Object.fromEntries(keys.map((name) => [name, null])));
      }),
    );
  return {
    'vm tag <vm target> [key or all]': answering((call) => {
      const meant = vmsMeant(call, vms).vms;
      const key = call.command.words['key'] ?? 'all';
      if (key !== 'all') return { Header: ['name', 'value'], Tabular: table(meant, (vm) => [[tagOf(vm, key)]]) };
      const rows = table(meant, ({ config }) => Object.entries(config.tags).sort(([a], [b]) => (a < b ? -1 : 1)));
      return { Header: ['name', 'tag', 'value'], Tabular: rows };
    }),
    'vm tag <vm target> <key> <value>': answering(async (call) => {
      const [key, value] = [wordOf(call, 'key'), wordOf(call, 'value')];
      await doToEach(call, 'tag', {
        vms,
        act: async ({ id, config }) => {
          // The rules of the field: what a tag may hold, and how many there may be.
          const field = findField('tags');
          const checked = field?.parse([key, value], surroundings(), config);
          if (checked?.ok === false) throw new AppError('invalid', checked.message);
          await vms.tag(id, { [key]: value });
        },
      });
      return {};
    }),
    'clear vm tag': answering(async ({ namespace }) => {
      await clear(vms.list(namespace), 'all');
      return {};
    }),
    'clear vm tag <vm target> [tag]': answering(async (call) => {
      await clear(vmsMeant(call, vms).vms, call.command.words['tag'] ?? 'all');
      return {};
    }),
  };
}

function tagOf({ config }: VmRecord, key: string): string {
  return Object.hasOwn(config.tags, key) ? (config.tags[key] ?? '') : '';
}

function netHandlers({ vms, surroundings }: VmActionComponents): Handlers {
  /** What is said before the first NIC is touched. @throws AppError `invalid` */
  const checkVlan = (vlan: string, namespace: string) => {
    const name = parseVlanOrAlias(vlan, namespace);
    if (!name.ok) throw new AppError('invalid', name.message);
  };
  const parse = (spec: string) => valid(parseNetSpec(spec, surroundings().catalogue?.netDrivers ?? null));
  const bond = answering(async (call) => {
    const { words } = call.command;
    const options = ['no-lacp-fallback', 'qinq'].filter((word) => words[word] !== undefined);
    const kinds = ['active-backup', 'balance-slb', 'balance-tcp', 'active', 'passive', 'off'];
    const typed = [wordOf(call, 'interface'), ...kinds.filter((word) => words[word] !== undefined), ...options];
    const text = [...typed, ...(words['name'] === undefined ? [] : [words['name']])].join(',');
    await doToEach(call, 'net bond', {
      vms,
      // A host without the VM has nothing to say about the rest.
      act: async ({ id }) => vms.bondNets(id, valid(parseBondSpec(text)), { signal: call.signal }),
    });
    return {};
  });
  return {
    'vm net <add,> <vm target> [netspec]...': answering(async (call) => {
      const specs = call.command.lists['netspec'] ?? [];
      await doToEach(call, 'net add', {
        vms,
        act: async ({ id, namespace }) => {
          for (const spec of specs) checkVlan(parse(spec).vlan, namespace);
          for (const spec of specs) await vms.addNet(id, spec, { signal: call.signal });
        },
      });
      return {};
    }),
    'vm net <connect,> <vm target> <tap position> <vlan> [bridge]': answering(async (call) => {
      const vlan = wordOf(call, 'vlan');
      await doToEach(call, 'net connect', {
        vms,
        act: async (vm) => {
          const index = positionOf(call, vm);
          // Without a bridge the NIC stays on its own.
          const named = call.command.words['bridge'] ?? vm.nets[index]?.bridge ?? '';
          const bridge = named === '' ? defaultBridge : named;
          checkVlan(vlan, vm.namespace);
          parse(`${bridge},${vlan},${defaultDriver}`);
          await vms.connectNet(vm.id, index, vlan, bridge, { signal: call.signal });
        },
      });
      return {};
    }),
    ...Object.fromEntries(bondPatterns.map((pattern) => [pattern, bond])),
    'clear vm net bond <vm target> [name]': answering(async (call) => {
      const name = call.command.words['name'] ?? null;
      await doToEach(call, 'net bond', { vms, act: ({ id }) => vms.unbondNets(id, name, { signal: call.signal }) });
      return {};
    }),
    'vm net <disconnect,> <vm target> <tap position>': answering(async (call) => {
      await doToEach(call, 'net disconnect', {
        vms,
        act: (vm) => vms.disconnectNet(vm.id, positionOf(call, vm), { signal: call.signal }),
      });
      return {};
    }),
  };
}

/** The NIC that a line names. @throws AppError `invalid` with minimega's texts */
function positionOf(call: CommandCall, { nets }: VmRecord): number {
  const index = valid(parseAtoi(wordOf(call, 'tap')));
  if (index < 0 || index >= nets.length) {
    throw new AppError('invalid', `no network ${index}, VM only has ${nets.length} networks`);
  }
  return index;
}

function mediaHandlers({ vms }: VmActionComponents): Handlers {
  return {
    'vm hotplug': answering(({ namespace }) => {
      const rows = table(vms.list(namespace), ({ hotplug }) =>
        hotplug.map(({ id, path, version }) => [String(id), path, version]),
      );
      return { Header: ['name', 'id', 'file', 'version'], Tabular: rows };
    }),
    'vm hotplug <add,> <vm target> <filename> [version]': answering(async (call) => {
      const version = call.command.words['version'] ?? '1.1';
      if (version !== '1.1' && version !== '2.0') {
        throw new AppError('invalid', `invalid version: \`${version.slice(0, 20)}\`: USB is 1.1 or 2.0`);
      }
      await doToEach(call, 'hotplug', { vms, act: ({ id }) => vms.addDisk(id, wordOf(call, 'filename'), version) });
      return {};
    }),
    'vm hotplug <remove,> <vm target> <disk id or all>': answering(async (call) => {
      const text = wordOf(call, 'disk');
      await doToEach(call, 'hotplug', {
        vms,
        act: async ({ id, hotplug }) => {
          const disk = text === 'all' ? null : valid(parseAtoi(text));
          if (disk !== null && !hotplug.some((known) => known.id === disk)) {
            throw new AppError('not-found', 'no such hotplug device');
          }
          await vms.removeDisk(id, disk);
        },
      });
      return {};
    }),
    'vm cdrom <change,> <vm target> <path> [force,]': answering(async (call) => {
      const path = wordOf(call, 'path');
      await doToEach(call, 'cdrom', { vms, act: ({ id }) => vms.changeCdrom(id, path, { force: isForced(call) }) });
      return {};
    }),
    'vm cdrom <eject,> <vm target> [force,]': answering(async (call) => {
      await doToEach(call, 'cdrom', { vms, act: ({ id }) => vms.changeCdrom(id, null, { force: isForced(call) }) });
      return {};
    }),
  };
}

const isForced = ({ command }: CommandCall) => command.words['force'] !== undefined;

function consoleHandlers(components: VmActionComponents): Handlers {
  const { vms } = components;
  const shoot = async (call: CommandCall) => {
    const vm = vmNamed(call, vms);
    const maxSide = maxSideOf(call);
    assertFits('screenshot', vm);
    return vms.screenshot(vm.id, maxSide);
  };
  return {
    'vm screenshot <vm name> [maximum dimension]': answering(async (call) => ({
      Data: (await shoot(call)).toString('base64'),
    })),
    'vm screenshot <vm name> file <filename> [maximum dimension]': answering(async (call) => {
      const name = wordOf(call, 'filename');
      // miniweb wants the picture in Data alone.
      const isKept = name !== '/dev/null';
      // A path of this host: an image of a VM must not become a picture.
      if (isKept && !name.endsWith('.png'))
        throw new AppError('invalid', `${name}: the name of a screenshot ends with .png`);
      const path = isKept ? await components.resolvePath(name) : null;
      const isHere = vms
        .list(call.namespace)
        .some((vm) => [vm.name, String(vm.id), vm.uuid].includes(wordOf(call, 'vm')));
      const png = isHere ? await shoot(call) : await shootElsewhere(call, components);
      if (path !== null) {
        await writeFileAtomic(path, png, { mode: 0o644 }).catch((cause: unknown) => {
          throw new AppError('failed', `cannot write ${name}: ${describeError(cause)}`, { cause });
        });
      }
      return { Data: png.toString('base64') };
    }),
    'vm qmp <vm name> <qmp command>': answering(async (call) => {
      const vm = vmNamed(call, vms);
      const command = wordOf(call, 'qmp');
      const issue = findJsonIssue(command);
      if (issue !== null) throw new AppError('invalid', `invalid JSON: ${issue}`);
      assertFits('qmp', vm);
      return { Response: `${(await vms.qmp(vm.id, command)).trimEnd()}\n` };
    }),
  };
}

/** Asks the other hosts of the namespace, of which one has the VM. */
async function shootElsewhere(call: CommandCall, { hosts, peers, meshTimeoutMs }: VmActionComponents): Promise<Buffer> {
  const { host, namespace, signal } = call;
  const others = hosts(namespace).filter((name) => name !== host);
  const line = ['vm', 'screenshot', wordOf(call, 'vm'), ...(call.command.words['maximum'] ?? '').split(' ')];
  const text = line
    .filter((word) => word !== '')
    .map(quoteWord)
    .join(' ');
  const entries = await peers.send(others, text, { namespace, signal, timeoutMs: meshTimeoutMs() });
  const found = entries.find(({ Data: data }) => typeof data === 'string');
  if (found && typeof found.Data === 'string') return Buffer.from(found.Data, 'base64');
  const errors = entries.filter(({ Error: error }) => error !== '');
  const said = errors.find(({ Error: error }) => !error.startsWith('vm not found: ')) ?? errors[0];
  throw new AppError('failed', said ? said.Error : `vm not found: ${wordOf(call, 'vm')}`);
}

/** Null: the screen's own size. */
function maxSideOf(call: CommandCall): number | null {
  const text = call.command.words['maximum'];
  const side = text === undefined ? 0 : valid(parseAtoi(text));
  if (side < 0) throw new AppError('invalid', `\`${side}\` pixels: the maximum dimension is a positive number`);
  return side === 0 ? null : side;
}

/** Why a text cannot be read as JSON; the first character in minimega's words, which are those of Go's encoding/json. */
function findJsonIssue(text: string): string | null {
  const first = Array.from(text.trim())[0];
  if (first === undefined) return 'unexpected end of JSON input';
  if (!/[{["\d\-tfn]/.test(first)) return `invalid character '${first}' looking for beginning of value`;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return describeError(error);
  }
}

/** Rows of several VMs, each with the VM's name in front; null without any, as minimega has it. */
function table(vms: readonly VmRecord[], rowsOf: (vm: VmRecord) => readonly (readonly string[])[]): string[][] | null {
  const rows = vms.flatMap((vm) => rowsOf(vm).map((row) => [vm.name, ...row]));
  return rows.length === 0 ? null : rows;
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
