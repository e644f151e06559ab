// `vm info`: the VMs of all hosts of a namespace; and `vm show`: one of them. Cells and Data are core/vms/info.ts. Hosts answer for themselves; for one that does not answer, this node says
// which VMs are lost with it.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { commandText } from '../../core/commands/parse.ts';
import { infoColumns, infoData, infoRow, summaryColumns } from '../../core/vms/info.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Handlers } from './handler.ts';
import type { Peers } from './peers.ts';
import { vmNamed, vmsMeant } from './vm-targets.ts';

export interface VmInfoComponents {
  readonly vms: Pick<LocalVms, 'list'>;
  /** Names of the hosts of a namespace. */
  readonly hosts: (namespace: string) => readonly string[];
  /** VMs of hosts that are not in the mesh now, as those said last. */
  readonly lost: (namespace: string) => readonly VmRecord[];
  readonly peers: Peers;
  readonly meshTimeoutMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallNow: () => number;
}

export function createVmInfoHandlers(components: VmInfoComponents): Handlers {
  const { vms, peers, meshTimeoutMs, wallNow } = components;
  return {
    'vm show <vm name>': (call) => {
      const vm = vmNamed(call, vms);
      const row = infoRow(vm, infoColumns, wallNow());
      const table = { Header: [...infoColumns], Tabular: [row], Data: [infoData(vm)] };
      return Promise.resolve([responseEntry(call.host, table)]);
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws becomes a rejection
    'vm state <vm target>': async (call) => {
      const rows = vmsMeant(call, vms).vms.map(({ name, uuid, state, reason }) => [name, uuid, state, reason]);
      return [responseEntry(call.host, { Header: ['name', 'uuid', 'state', 'reason'], Tabular: rows })];
    },
    'vm info [summary,]': async ({ command, host, namespace, origin, signal }) => {
      const columns = command.words['summary'] === undefined ? infoColumns : summaryColumns;
      const entryOf = (of: string, records: readonly VmRecord[]): ResponseEntry => {
        const now = wallNow();
        const rows = records.map((vm) => infoRow(vm, columns, now));
        // null without any, as minimega has it.
        return responseEntry(of, {
          Header: [...columns],
          Tabular: rows.length === 0 ? null : rows,
          Data: records.map(infoData),
        });
      };
      const own = [entryOf(host, vms.list(namespace))];
      const others = components.hosts(namespace).filter((name) => name !== host);
      if (origin.via === 'mesh' || others.length === 0) return own;
      const options = { namespace, timeoutMs: meshTimeoutMs(), signal };
      const answers = await peers.send(others, commandText(command), options);
      const lost = components.lost(namespace);
      const entries = answers.map((entry) => {
        const of = lost.filter((vm) => vm.host === entry.Host);
        return entry.Error !== '' && of.length > 0 ? entryOf(entry.Host, of) : entry;
      });
      return others.length === components.hosts(namespace).length ? entries : [...own, ...entries];
    },
  };
}
