// `vlans probe` and `vlans trace`: whether VLANs really pass between nodes, and two VMs meet. The table has what a person reads, Data has all of it.
import { responseEntry } from '../../contract/command-socket.ts';
import { probeColumns, probeRows } from '../../core/probe/rows.ts';
import { traceColumns, traceRows } from '../../core/probe/trace.ts';
import { readOrder, type OrderSurroundings } from '../probe/order.ts';
import type { Prober } from '../probe/prober.ts';
import type { Tracer } from '../probe/tracer.ts';
import type { Handler, Handlers } from './handler.ts';

export interface ProbeHandlersComponents {
  readonly prober: Pick<Prober, 'run'>;
  readonly tracer: Pick<Tracer, 'run'>;
  readonly surroundings: (namespace: string) => OrderSurroundings;
}

export function createProbeHandlers({ prober, tracer, surroundings }: ProbeHandlersComponents): Handlers {
  const probe: Handler = async ({ command: { words }, host, namespace, signal, status }) => {
    const order = readOrder({ vlans: words['vlans'], nodes: words['nodes'] }, surroundings(namespace));
    const result = await prober.run(order, signal, status);
    return [responseEntry(host, { Header: [...probeColumns], Tabular: probeRows(result), Data: result })];
  };
  return {
    'vlans <probe,> [vlans]': probe,
    'vlans <probe,> nodes <nodes>': probe,
    'vlans <probe,> <vlans> nodes <nodes>': probe,
    'vlans <trace,> <vm> <other vm>': async ({ command: { words }, host, namespace, signal, status }) => {
      const result = await tracer.run({ namespace, from: words['vm'] ?? '', to: words['other'] ?? '' }, signal, status);
      return [responseEntry(host, { Header: [...traceColumns], Tabular: traceRows(result.hops), Data: result })];
    },
  };
}
