// `vm launch`: from a line to the launcher (agent/vms/launcher.ts), and its outcome as entries of the hosts. minimega's texts where it has one; unlike
// minimega, which logs them, errors of every host are in the answer.
import { createHash } from 'node:crypto';
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import type { ConfigSurroundings } from '../../core/vms/config-fields.ts';
import { parseLaunchSettings } from '../../core/vms/launch-settings.ts';
import { uuidOfHash, uuidText } from '../../core/vms/launch-uuid.ts';
import { parseLaunchNames } from '../../core/vms/names.ts';
import { dryRunWord, type VmConfigs } from '../vms/configs.ts';
import { describeIssues, type LaunchOrder } from '../vms/launch-plan.ts';
import type { DryRun, Launcher, LaunchOutcome } from '../vms/launcher.ts';
import type { LaunchQueue } from '../vms/launch-queue.ts';
import type { CommandCall, Handlers } from './handler.ts';
import { assertVlanNames, hostNamed } from './vm-config.ts';
import { wordOf } from './vm-targets.ts';

export interface VmLaunchComponents {
  readonly launcher: Pick<Launcher, 'launch' | 'dryRun'>;
  readonly configs: VmConfigs;
  readonly queue: LaunchQueue;
  readonly surroundings: () => ConfigSurroundings;
  /** Names of the hosts of a namespace. */
  readonly hosts: (namespace: string) => readonly string[];
}

export function createVmLaunchHandlers(components: VmLaunchComponents): Handlers {
  const { launcher, configs, queue } = components;
  const orderOf = (call: CommandCall, saved: string | undefined): LaunchOrder => {
    const { namespace } = call;
    const config = saved === undefined ? configs.current(namespace) : configs.saved(namespace, saved);
    const names = parseLaunchNames(wordOf(call, 'name'));
    if (!names.ok) throw new AppError('invalid', names.message);
    return { names: names.value, config };
  };
  const settingsOf = (call: CommandCall): LaunchOrder => {
    const names = parseLaunchNames(wordOf(call, 'name'));
    if (!names.ok) throw new AppError('invalid', names.message);
    return { names: names.value, ...orderWith(call, call.command.lists['setting'] ?? [], components) };
  };

  /** The first answer says where VMs would go; then what would be fetched, the VLANs, and what a person should know. */
  async function* dryRun(call: CommandCall, order: LaunchOrder): AsyncGenerator<ResponseEntry[], void, undefined> {
    yield* dryRunEntries(call.host, await launcher.dryRun(call.namespace, order, call));
  }

  const launch = async (call: CommandCall, order: LaunchOrder) => {
    if (!queue.isQueueing(call.namespace))
      return outcomeEntries(call.host, await launcher.launch(call.namespace, order, call));
    queue.add(call.namespace, order);
    return [responseEntry(call.host)];
  };

  return {
    'vm launch <kvm,> <name or count> [config]': (call) => {
      const saved = call.command.words['config'];
      if (saved === dryRunWord) return dryRun(call, orderOf(call, undefined));
      return launch(call, orderOf(call, saved));
    },
    'vm launch <kvm,> <name or count> <config> <dry-run,>': (call) =>
      dryRun(call, orderOf(call, wordOf(call, 'config'))),
    'vm launch <kvm,> <name or count> <with,> <setting>...': async (call) => {
      const outcome = await launcher.launch(call.namespace, settingsOf(call), call);
      const Data = {
        VMs: outcome.vms.map(({ name, host, is, error }) => ({ Name: name, Host: host, Is: is, Error: error })),
      };
      const [own, ...others] = outcomeEntries(call.host, outcome);
      return [{ ...(own ?? responseEntry(call.host)), Data }, ...others];
    },
    'vm launch <kvm,> <name or count> <dry-run,> <with,> <setting>...': (call) => dryRun(call, settingsOf(call)),
    'vm launch': async (call) => outcomeEntries(call.host, await queue.launch(call.namespace, call)),
  };
}

/** The configuration that settings give, and the UUIDs that they make. @throws AppError `invalid` */
export function orderWith(
  { host, namespace }: Pick<CommandCall, 'host' | 'namespace'>,
  settings: readonly string[],
  { surroundings, hosts }: Pick<VmLaunchComponents, 'surroundings' | 'hosts'>,
): Omit<LaunchOrder, 'names'> {
  const parsed = parseLaunchSettings(settings, surroundings());
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  const { config, uuids } = parsed.value;
  assertVlanNames(config, namespace);
  const schedule = config.schedule === '' ? '' : hostNamed(config.schedule, host, hosts(namespace));
  const uuidOf = (name: string) => uuidOfHash(createHash('sha256').update(uuidText(uuids, name)).digest('hex'));
  return { config: { ...config, schedule }, ...(uuids === '' ? {} : { uuidOf }) };
}

function* dryRunEntries(host: string, run: DryRun): Generator<ResponseEntry[], void, undefined> {
  const placed = run.vms.map((vm) => [vm.name, vm.host]);
  const data = {
    VMs: run.vms.map((vm) => ({ Name: vm.name, Host: vm.host })),
    Images: run.images.map(({ host: to, name, bytes }) => ({ Host: to, Name: name, Bytes: bytes })),
    VLANs: run.vlans,
    Notes: run.notes,
  };
  yield [responseEntry(host, { Header: ['vm', 'dst'], Tabular: placed, Data: data })];
  if (run.images.length > 0) {
    const images = run.images.map(({ host: to, name, bytes }) => [name, to, String(bytes)]);
    yield [responseEntry(host, { Header: ['fetches', 'dst', 'bytes'], Tabular: images })];
  }
  if (run.vlans.length > 0) {
    yield [responseEntry(host, { Header: ['new vlan'], Tabular: run.vlans.map((vlan) => [vlan]) })];
  }
  if (run.notes.length > 0) yield [responseEntry(host, { Response: run.notes.join('\n') })];
}

/** An entry of this node, with what a person should know, and one of each host where something went wrong. */
export function outcomeEntries(host: string, { vms, notes }: LaunchOutcome): ResponseEntry[] {
  const wrong = new Map<string, Map<string, string>>();
  for (const vm of vms) {
    if (vm.is === 'launched') continue;
    const issues = wrong.get(vm.host) ?? new Map<string, string>();
    wrong.set(vm.host, issues.set(vm.name, vm.error));
  }
  const errors = new Map([...wrong].map(([at, issues]) => [at, describeIssues(issues, Infinity)]));
  const own = errors.get(host);
  errors.delete(host);
  const said = own === undefined ? { Response: notes.join('\n') } : { Error: [own, ...notes].join('\n') };
  return [responseEntry(host, said), ...[...errors].map(([at, text]) => responseEntry(at, { Error: text }))];
}
