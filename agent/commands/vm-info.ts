// `vm info`: the VMs of this host in a namespace. Cells and Data are core/vms/info.ts.
import { responseEntry } from '../../contract/command-socket.ts';
import { infoColumns, infoData, infoRow, summaryColumns } from '../../core/vms/info.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Handlers } from './handler.ts';

export function createVmInfoHandlers(vms: Pick<LocalVms, 'list'>, wallNow: () => number): Handlers {
  return {
    'vm info [summary,]': ({ command, host, namespace }) => {
      const columns = command.words['summary'] === undefined ? infoColumns : summaryColumns;
      const now = wallNow();
      const records = vms.list(namespace);
      const rows = records.map((vm) => infoRow(vm, columns, now));
      const entry = { Header: [...columns], Tabular: rows.length === 0 ? null : rows, Data: records.map(infoData) };
      return Promise.resolve([responseEntry(host, entry)]);
    },
  };
}
