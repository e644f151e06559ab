// `vm save`, and minimega's older names for it: `vm migrate` (the memory alone) and `vm snapshot`. Each host saves its own VMs, into its own files.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { parseImageName } from '../../core/files/file-name.ts';
import { diskName, parseSavedName, stateName } from '../../core/vms/saved-names.ts';
import type { ConfigSurroundings } from '../../core/vms/config-fields.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { SaveNames } from '../vms/saving.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import { assertFits, vmNamed, wordOf } from './vm-targets.ts';

export interface VmSaveComponents {
  readonly vms: LocalVms;
  readonly surroundings: () => ConfigSurroundings;
  /** Milliseconds since 1970. */
  readonly wallNow: () => number;
}

/** A person reads no more. */
const progressMs = 1_000;
const mib = 1024 * 1024;

export function createVmSaveHandlers(components: VmSaveComponents): Handlers {
  const { vms } = components;
  const status: Handler = async ({ host, namespace }) => {
    const rows = (await vms.saves(namespace)).map((save) => [
      ...[String(save.id), save.name, save.status],
      save.percent.toFixed(2),
    ]);
    const Tabular = rows.length === 0 ? null : rows;
    return [responseEntry(host, { Header: ['id', 'name', 'status', 'complete (%)'], Tabular })];
  };
  const save =
    (namesOf: (call: CommandCall, vm: VmRecord, filesPath: string) => SaveNames): Handler =>
    async (call): Promise<ResponseEntry[]> => {
      const vm = vmNamed(call, vms);
      const names = namesOf(call, vm, components.surroundings().filesPath);
      assertFits('save', vm);
      await vms.save(vm.id, names, { signal: call.signal, onProgress: progressTo(call, vm, components.wallNow) });
      return [responseEntry(call.host)];
    };
  const inFolder = (text: string, { config }: VmRecord, filesPath: string): SaveNames => {
    const parsed = parseSavedName(text, filesPath);
    if (!parsed.ok) throw new AppError('invalid', parsed.message);
    const disks = config.disks.map((_disk, index) => diskName(parsed.name, index));
    return { state: stateName(parsed.name), disks, mayReplace: true };
  };
  return {
    'vm save': status,
    'vm migrate': status,
    'vm snapshot': status,
    'vm save <vm name>': save((_call, vm, filesPath) => inFolder(vm.name, vm, filesPath)),
    'vm save <vm name> <filename>': save((call, vm, filesPath) => inFolder(wordOf(call, 'filename'), vm, filesPath)),
    // These name a file anywhere below -filepath, so they replace none.
    'vm migrate <vm name> <filename>': save((call, _vm, filesPath) => ({
      state: nameOf(wordOf(call, 'filename'), filesPath),
      disks: null,
      mayReplace: false,
    })),
    'vm snapshot <vm name> <state filename> <disk filename>': save((call, { config }, filesPath) => {
      const disk = nameOf(wordOf(call, 'disk'), filesPath);
      const disks = config.disks.map((_disk, index) => (index === 0 ? disk : nameOf(`${disk}.${index}`, filesPath)));
      return { state: nameOf(wordOf(call, 'state'), filesPath), disks, mayReplace: false };
    }),
  };
}

function nameOf(text: string, filesPath: string): string {
  const parsed = parseImageName(text, filesPath);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  return parsed.name;
}

/** Progress, a line a second. */
function progressTo({ host, status }: CommandCall, { name }: VmRecord, now: () => number): (bytes: number) => void {
  let toldAt = now();
  return (bytes) => {
    if (now() - toldAt < progressMs) return;
    toldAt = now();
    status(`[${host}]: saving ${name}: ${Math.round(bytes / mib)} MiB written`);
  };
}
