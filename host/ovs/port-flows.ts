// Which flows of a bridge decide about the frames of one of its ports. Pure.
import { ourCookie, probeCookie, type BridgeFlow } from './openflow.ts';

export interface PortFlows {
  /** Flows that take some of its frames before `rest` does, and the packets that they took. Of us: copies of what a guest says of its addresses. */
  readonly ours: { readonly flows: number; readonly packets: number };
  readonly others: { readonly flows: number; readonly packets: number };
  /** The flow that takes all other frames; null when none does, and they are dropped. Its packets are of all ports, unless it is for this one. */
  readonly rest: (Pick<BridgeFlow, 'does' | 'packets' | 'priority'> & { readonly isOfPort: boolean }) | null;
}

/** `ofport`: OpenFlow number of the port. */
export function portFlows(flows: readonly BridgeFlow[], ofport: number): PortFlows {
  const own = flows
    .filter(({ table, inPort }) => table === 0 && (inPort === null || inPort === ofport))
    .sort((a, b) => b.priority - a.priority);
  const at = own.findIndex(({ isForAll }) => isForAll);
  const rest = own[at];
  const before = rest ? own.slice(0, at) : own;
  const isOurs = ({ cookie }: BridgeFlow) => cookie === ourCookie || cookie === probeCookie;
  const sum = (list: readonly BridgeFlow[]) => ({
    flows: list.length,
    packets: list.reduce((packets, flow) => packets + flow.packets, 0),
  });
  return {
    ours: sum(before.filter(isOurs)),
    others: sum(before.filter((flow) => !isOurs(flow))),
    rest: rest
      ? { does: rest.does, packets: rest.packets, priority: rest.priority, isOfPort: rest.inPort !== null }
      : null,
  };
}
