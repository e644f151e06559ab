// The `vm config …` commands. Texts are minimega's where it has one; the fields are a table (core/vms/config-fields.ts).
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { fieldPatterns } from '../../core/commands/vm-patterns.ts';
import { commandText } from '../../core/commands/parse.ts';
import { parseVlanOrAlias } from '../../core/vlans/names.ts';
import {
  clearField,
  clearTag,
  configFields,
  describeConfig,
  describeField,
  describeOverrides,
  fieldAliases,
  setField,
  type ConfigField,
  type ConfigSurroundings,
} from '../../core/vms/config-fields.ts';
import { cloneConfig, defaultConfig, type VmConfig } from '../../core/vms/config.ts';
import { qemuArgs } from '../../core/vms/qemu-args.ts';
import type { VmConfigs } from '../vms/configs.ts';
import { previewMachine } from '../vms/preview.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import { Config } from '../vms/shapes.ts';
import { configFromWire, configToWire } from '../vms/wire.ts';
import { vmNotFound, type CommandCall, type Handler, type Handlers } from './handler.ts';
import type { Peers } from './peers.ts';
import { wordOf } from './vm-targets.ts';

export interface VmConfigHandlerComponents {
  readonly configs: VmConfigs;
  /** -filepath, and what the QEMU of this node knows as soon as it was asked. */
  readonly surroundings: () => ConfigSurroundings;
  /** Names of the hosts of a namespace. */
  readonly hosts: (namespace: string) => readonly string[];
  readonly vms: Pick<LocalVms, 'list'>;
  readonly peers: Peers;
  readonly meshTimeoutMs: () => number;
}

export function createVmConfigHandlers(components: VmConfigHandlerComponents): Handlers {
  const { configs } = components;
  return {
    ...fieldHandlers(components),
    'vm config': plain(({ namespace }) => describeConfig(configs.current(namespace))),
    'vm config <save,> <name>': plain((call) => {
      configs.save(call.namespace, wordOf(call, 'name'));
      return undefined;
    }),
    'vm config <restore,> [name]': plain(({ command, namespace }) => {
      const name = command.words['name'];
      if (name === undefined) return configs.describeSaved(namespace);
      configs.set(namespace, configs.saved(namespace, name));
      return undefined;
    }),
    'vm config <clone,> <vm name>': (call) => clone(call, components),
    'clear vm config': plain(({ namespace }) => {
      configs.set(namespace, defaultConfig);
      return undefined;
    }),
    'clear vm config tag <key>': plain((call) => {
      configs.set(call.namespace, clearTag(configs.current(call.namespace), wordOf(call, 'key')));
      return undefined;
    }),
  };
}

/** Handlers of each field, under its old names too. */
function fieldHandlers(components: VmConfigHandlerComponents): Handlers {
  const { configs } = components;
  const handlers: Record<string, Handler> = {};
  for (const field of configFields) {
    const old = Object.keys(fieldAliases).filter((alias) => fieldAliases[alias] === field.name);
    for (const name of [field.name, ...old]) {
      for (const pattern of fieldPatterns({ name, kind: field.kind })) {
        handlers[pattern] = plain((call) => useField(call, field, components));
      }
      handlers[`clear vm config ${name}`] = plain(({ namespace }) => {
        configs.set(namespace, clearField(configs.current(namespace), field));
        return undefined;
      });
    }
  }
  return handlers;
}

/** Prints a field when the line has no value for it, and sets it otherwise. */
function useField(call: CommandCall, field: ConfigField, components: VmConfigHandlerComponents): string | undefined {
  const { namespace, command } = call;
  const config = components.configs.current(namespace);
  // The words after the field's name: literals of the pattern are its first three.
  const words = command.parts.slice(3).map(({ text }) => text);
  if (field.kind === 'tags' && words.length < 2) return describeField(config, field, words[0]);
  if (words.length === 0) return field.kind === 'overrides' ? overrides(config) : describeField(config, field);
  const surroundings = components.surroundings();
  const set = setField(config, field, { words: atHosts(words, field, call, components), surroundings });
  if (!set.ok) throw new AppError('invalid', set.message);
  if (field.kind === 'nets') assertVlanNames(set.value, namespace);
  components.configs.set(namespace, set.value);
  return undefined;
}

/** What no VLAN can be is said at once; aliases are made by the launch. @throws AppError `invalid` */
export function assertVlanNames({ networks }: VmConfig, namespace: string): void {
  for (const { vlan } of networks) {
    const name = parseVlanOrAlias(vlan, namespace);
    if (!name.ok) throw new AppError('invalid', name.message);
  }
}

/** `schedule` names a host of the namespace. */
function atHosts(
  words: readonly string[],
  field: ConfigField,
  { host, namespace }: CommandCall,
  { hosts }: VmConfigHandlerComponents,
): readonly string[] {
  const [word = ''] = words;
  if (field.key !== 'schedule' || word === '') return words;
  return [hostNamed(word, host, hosts(namespace))];
}

/** The host of a namespace that a text means; `localhost` is this node. @throws AppError `invalid` */
export function hostNamed(text: string, self: string, hosts: readonly string[]): string {
  const name = text === 'localhost' ? self : text;
  if (!hosts.includes(name)) throw new AppError('invalid', `host is not in namespace: ${text}`);
  return name;
}

function overrides(config: VmConfig): string {
  const args = (qemuOverride: VmConfig['qemuOverride']) => {
    const argv = qemuArgs(previewMachine({ ...config, qemuOverride }));
    if (!argv.ok) throw new AppError('invalid', argv.message);
    return argv.value;
  };
  return describeOverrides(config, { before: args([]), after: args(config.qemuOverride) });
}

/** The configuration of a VM, which may be on any host of the namespace; over the mesh it is answered and nothing is set. */
async function clone(call: CommandCall, components: VmConfigHandlerComponents): Promise<ResponseEntry[]> {
  const { host, namespace, origin } = call;
  const name = wordOf(call, 'vm');
  const own = components.vms.list(namespace).find((vm) => vm.name === name || vm.uuid === name);
  if (origin.via === 'mesh') {
    if (!own) throw new AppError('not-found', `${vmNotFound}${name}`);
    return [responseEntry(host, { Data: configToWire(own.config, components.surroundings().filesPath) })];
  }
  const config = own?.config ?? (await configElsewhere(call, name, components));
  components.configs.set(namespace, cloneConfig(config));
  return [responseEntry(host)];
}

async function configElsewhere(
  { command, host, namespace, signal }: CommandCall,
  name: string,
  { hosts, peers, meshTimeoutMs, surroundings }: VmConfigHandlerComponents,
): Promise<VmConfig> {
  const others = hosts(namespace).filter((other) => other !== host);
  const entries = await peers.send(others, commandText(command), { namespace, timeoutMs: meshTimeoutMs(), signal });
  const found = entries.find(({ Error: error }) => error === '');
  if (found) {
    const config = Config.safeParse(found.Data).data;
    if (config) return configFromWire(config, surroundings().filesPath);
    throw new AppError(
      'failed',
      `${found.Host} answered with a configuration that is not known here: another version?`,
    );
  }
  const silent = entries.filter(({ Error: error }) => !error.startsWith(vmNotFound));
  const [first] = silent;
  if (first) throw new AppError('timeout', `${name} is not on the hosts that answered; ${first.Host}: ${first.Error}`);
  throw new AppError('not-found', `${vmNotFound}${name}`);
}

/** A handler whose answer is one entry of this host: a text, or nothing. */
function plain(answer: (call: CommandCall) => string | undefined): Handler {
  // Async, so that what it throws becomes a rejection.
  // eslint-disable-next-line @typescript-eslint/require-await -- as above
  return async (call) => [responseEntry(call.host, { Response: answer(call) ?? '' })];
}
