// `vm survey`: what hosts have for VMs before anything is launched, one entry for each host. It needs no namespace, and makes none.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { parseLaunchNames } from '../../core/vms/names.ts';
import type { Launcher } from '../vms/launcher.ts';
import type { Survey } from '../vms/vm-host.ts';
import type { CommandCall, Handlers } from './handler.ts';
import type { Peers } from './peers.ts';
import { orderWith, type VmLaunchComponents } from './vm-launch.ts';
import { wordOf } from './vm-targets.ts';

export interface VmSurveyComponents extends Pick<VmLaunchComponents, 'surroundings'> {
  readonly launcher: Pick<Launcher, 'survey'>;
  readonly peers: Pick<Peers, 'names'>;
}

const columns = ['cpus', 'memtotal', 'cpucommit', 'memcommit', 'vms', 'vmlimit', 'taken', 'fetches', 'bytes', 'issue'];

export function createVmSurveyHandlers({ launcher, peers, surroundings }: VmSurveyComponents): Handlers {
  return {
    'vm survey <hostname or range or all> <name or count> [setting]...': async (call) => {
      const hosts = hostsOf(call, peers);
      const names = parseLaunchNames(wordOf(call, 'name'));
      if (!names.ok) throw new AppError('invalid', names.message);
      const settings = call.command.lists['setting'] ?? [];
      // Where they go is not asked yet.
      const { config } = orderWith(call, settings, { surroundings, hosts: () => hosts });
      const { surveys, silent } = await launcher.survey(hosts, call.namespace, { ...config, schedule: '' }, call);
      const wanted = new Set('names' in names.value ? names.value.names : []);
      return hosts.map((host) => {
        const survey = surveys.get(host);
        return survey ? entryOf(host, survey, wanted) : responseEntry(host, { Error: silent.get(host) ?? 'no answer' });
      });
    },
  };
}

function entryOf(host: string, survey: Survey, wanted: ReadonlySet<string>): ResponseEntry {
  const { cpus, memoryMb, committedCpus, committedMemoryMb, committedNets, vms, vmLimit } = survey.host;
  const taken = survey.taken.names.filter((name) => wanted.has(name)).sort(compareNames);
  const issue = survey.issues[0]?.text ?? '';
  const bytes = survey.missing.reduce((sum, file) => sum + file.bytes, 0);
  const numbers = [cpus, memoryMb, committedCpus, committedMemoryMb, vms.length, vmLimit, taken.length].map(String);
  return responseEntry(host, {
    Header: columns,
    Tabular: [[...numbers, survey.missing.map(({ name }) => name).join(' '), String(bytes), issue]],
    Data: {
      CPUs: cpus,
      MemTotal: memoryMb,
      CPUCommit: committedCpus,
      MemCommit: committedMemoryMb,
      NetworkCommit: committedNets,
      VMs: vms.length,
      Limit: vmLimit,
      Taken: taken,
      Missing: survey.missing.map((file) => ({ Name: file.name, Bytes: file.bytes })),
      Issue: issue,
      Warning: survey.warning,
    },
  });
}

/** `all` is all others, as everywhere, and this node where it is alone. @throws AppError `invalid` */
function hostsOf(call: CommandCall, peers: Pick<Peers, 'names'>): string[] {
  const range = parseRange(wordOf(call, 'hostname'));
  if (!range.ok) throw new AppError('invalid', range.message);
  if (range.names.includes('all')) {
    const others = peers.names();
    return others.length === 0 ? [call.host] : others;
  }
  const named = range.names.map((name) => (name === 'localhost' ? call.host : name));
  return [...new Set(named)].sort(compareNames);
}
