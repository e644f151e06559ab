// `ns save`, `ns snapshot`, the queue of launches, and `ns schedule`. Columns and texts are minimega's. `ns run` is the dispatcher's.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import type { ConfigSurroundings } from '../../core/vms/config-fields.ts';
import { parseSavedName } from '../../core/vms/saved-names.ts';
import type { LaunchQueue } from '../vms/launch-queue.ts';
import type { NamespaceSaves } from '../vms/namespace-saves.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import { outcomeEntries } from './vm-launch.ts';
import { wordOf } from './vm-targets.ts';

export interface NsVmComponents {
  readonly queue: LaunchQueue;
  readonly saves: NamespaceSaves;
  readonly surroundings: () => ConfigSurroundings;
}

export function createNsVmHandlers({ queue, saves, surroundings }: NsVmComponents): Handlers {
  const save: Handler = async (call) => {
    const text = call.command.words['name'];
    if (text === undefined) {
      const { completed, total } = saves.status(call.namespace);
      return answer(call, { Header: ['completed', 'total'], Tabular: [[String(completed), String(total)]] });
    }
    const name = parseSavedName(text, surroundings().filesPath);
    if (!name.ok) throw new AppError('invalid', name.message);
    const ended = await saves.save(call.namespace, name.name, call);
    const Response =
      ended.length === 0
        ? ''
        : `${describeRange(ended)} ended before, and ${ended.length === 1 ? 'has' : 'have'} no memory to save`;
    return answer(call, { Response });
  };
  const placed = (call: CommandCall, vms: readonly { readonly name: string; readonly host: string }[]) =>
    answer(call, { Header: ['vm', 'dst'], Tabular: vms.map(({ name, host }) => [name, host]) });
  return {
    'ns <save,> [name]': save,
    'ns <snapshot,> [name]': save,
    'ns <queueing,> [true,false]': settled((call) => {
      const { words } = call.command;
      if (words['true'] === undefined && words['false'] === undefined)
        return { Response: String(queue.isQueueing(call.namespace)) };
      queue.setQueueing(call.namespace, words['true'] !== undefined);
      return {};
    }),
    'ns <queue,>': settled((call) => ({ Response: queue.describe(call.namespace) })),
    'ns <flush,>': settled((call) => {
      queue.flush(call.namespace);
      return {};
    }),
    'ns <schedule,>': async (call) => outcomeEntries(call.host, await queue.launch(call.namespace, call)),
    'ns <schedule,> <dry-run,>': async (call) => placed(call, await queue.dryRun(call.namespace, call)),
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws becomes a rejection
    'ns <schedule,> <dump,>': async (call) => placed(call, queue.dump(call.namespace)),
    'ns <schedule,> <mv,> <vm target> <dst>': settled((call) => {
      const dst = wordOf(call, 'dst');
      queue.move(call.namespace, wordOf(call, 'vm'), dst === 'localhost' ? call.host : dst);
      return {};
    }),
  };
}

function answer({ host }: CommandCall, entry: Partial<Omit<ResponseEntry, 'Host'>>): ResponseEntry[] {
  return [responseEntry(host, entry)];
}

function settled(does: (call: CommandCall) => Partial<Omit<ResponseEntry, 'Host'>>): Handler {
  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws becomes a rejection
  return async (call) => answer(call, does(call));
}
