// `host`: the facts of this host, in minimega's columns.
import { responseEntry } from '../../contract/command-socket.ts';
import type { HostFacts } from '../../contract/cluster-kinds.ts';
import { hostColumns } from '../../core/commands/table.ts';
import { describeDuration } from '../../core/go-duration.ts';
import type { Handlers } from './handler.ts';

/** Columns of `host` in minimega's order, and how each cell is printed. */
const columns: Readonly<Record<string, (facts: HostFacts) => string>> = {
  cpus: (facts) => String(facts.CPUs),
  load: (facts) => facts.Load,
  memused: (facts) => String(facts.MemUsed),
  memtotal: (facts) => String(facts.MemTotal),
  rx: (facts) => facts.RxBps.toFixed(1),
  tx: (facts) => facts.TxBps.toFixed(1),
  vms: (facts) => String(facts.VMs),
  vmlimit: (facts) => String(facts.Limit),
  androidvms: (facts) => String(facts.AndroidVMs),
  cpucommit: (facts) => String(facts.CPUCommit),
  memcommit: (facts) => String(facts.MemCommit),
  netcommit: (facts) => String(facts.NetworkCommit),
  uptime: (facts) => describeDuration(facts.Uptime),
};

/** What minimega's `Data` has, in its order, whatever else this host may know. */
function dataOf(facts: HostFacts): HostFacts {
  const { Name, RxBps, TxBps, CPUs, MemTotal, MemUsed, VMs, AndroidVMs, Limit } = facts;
  const { CPUCommit, MemCommit, NetworkCommit, Load, Uptime } = facts;
  const machine = { Name, RxBps, TxBps, CPUs, MemTotal, MemUsed };
  return { ...machine, VMs, AndroidVMs, Limit, CPUCommit, MemCommit, NetworkCommit, Load, Uptime };
}

/** Handlers of `host` and of `host <column>`; `observe` gives this host's facts of now. */
export function createHostHandlers(observe: () => Promise<HostFacts>): Handlers {
  return {
    host: async ({ host }) => {
      const facts = await observe();
      const row = Object.values(columns).map((print) => print(facts));
      return [responseEntry(host, { Header: Object.keys(columns), Tabular: [row], Data: dataOf(facts) })];
    },
    ...Object.fromEntries(
      hostColumns.map((column) => [
        `host <${column},>`,
        async ({ host }: { host: string }) => {
          const facts = await observe();
          return [responseEntry(host, { Response: columns[column]?.(facts) ?? facts.Name, Data: dataOf(facts) })];
        },
      ]),
    ),
  };
}
