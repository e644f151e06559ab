// A physical network for machines in memory: a switch with a port for each, and faults on these ports.
import { passPort, type PortFault } from '../../core/probe/simulated-network.ts';

/** A machine's end of its cable. */
export interface Cable {
  send(frame: Uint8Array): void;
  unplug(): void;
}

export type NetworkFault = Pick<PortFault, 'vlan' | 'side' | 'does'>;

export class MemoryNetwork {
  private readonly ports = new Map<string, (frame: Uint8Array) => void>();
  private readonly faults = new Map<string, readonly NetworkFault[]>();

  plug(name: string, receive: (frame: Uint8Array) => void): Cable {
    this.ports.set(name, receive);
    return {
      send: (frame) => {
        for (const inside of passPort(frame, this.faultsOf(name, 'from'))) this.flood(name, inside);
      },
      unplug: () => void this.ports.delete(name),
    };
  }

  /** Those of one port, in place of the ones before. */
  setFaults(name: string, faults: readonly NetworkFault[]): void {
    this.faults.set(name, faults);
  }

  private flood(from: string, frame: Uint8Array): void {
    for (const [name, receive] of this.ports) {
      if (name === from) continue;
      for (const each of passPort(frame, this.faultsOf(name, 'to'))) receive(each);
    }
  }

  private faultsOf(name: string, side: NetworkFault['side']): NetworkFault[] {
    return (this.faults.get(name) ?? []).filter((fault) => fault.side === side);
  }
}
