// `optimize …`, over what agent/vms/optimizer.ts does. Columns are minimega's.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import type { Optimizer } from '../vms/optimizer.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import { wordOf } from './vm-targets.ts';

const done = (acting: Promise<void>) => acting.then(() => ({}));
const word = (isOn: boolean) => (isOn ? 'enabled' : 'disabled');

export function createOptimizeHandlers(optimizer: Optimizer): Handlers {
  type Answered = Partial<Omit<ResponseEntry, 'Host'>>;
  const answering =
    (does: (call: CommandCall) => Promise<Answered> | Answered): Handler =>
    async (call) => [responseEntry(call.host, await does(call))];
  const given = ({ command: { words } }: CommandCall): boolean | null =>
    words['true'] === undefined && words['false'] === undefined ? null : words['true'] !== undefined;
  return {
    optimize: answering(() => {
      const { ksm, hugepages, affinity } = optimizer.status;
      const row = [word(ksm), hugepages === '' ? word(false) : hugepages, word(affinity)];
      return { Header: ['ksm', 'hugepages', 'affinity'], Tabular: [row] };
    }),
    'optimize <ksm,> [true,false]': answering((call) => {
      const isOn = given(call);
      return isOn === null ? { Response: String(optimizer.status.ksm) } : done(optimizer.setKsm(isOn));
    }),
    'optimize <hugepages,> [path]': answering((call) => {
      const path = call.command.words['path'];
      return path === undefined ? { Response: optimizer.hugepages } : done(optimizer.setHugepages(path));
    }),
    'optimize <affinity,> [true,false]': answering((call) => {
      const isOn = given(call);
      if (isOn !== null) return done(optimizer.setAffinity(isOn));
      const rows = optimizer.affinity().map(({ cpu, pids }) => [String(cpu), `[${pids.join(' ')}]`]);
      return { Header: ['cpu', 'pids'], Tabular: rows };
    }),
    'optimize <affinity,> <filter,> <cpus>': answering((call) => done(optimizer.setFilter(wordOf(call, 'cpus')))),
    'clear optimize': answering(() => done(optimizer.clear())),
    'clear optimize <ksm,>': answering(() => done(optimizer.setKsm(false))),
    'clear optimize <hugepages,>': answering(() => done(optimizer.setHugepages(''))),
    'clear optimize <affinity,> [filter,]': answering((call) =>
      call.command.words['filter'] === undefined ? done(optimizer.setAffinity(false)) : done(optimizer.setFilter(null)),
    ),
  };
}
