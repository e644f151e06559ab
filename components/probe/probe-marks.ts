// What the last probe says in the cells of the map. Made for the VLANs that are shown, each once.
import type { ProbeResult, ProbeVerdict } from '../../contract/probe.ts';
import { nodeVerdicts, verdictOfVlan, type NodeVerdict } from '../../core/probe/verdicts.ts';
import { verdictLooks } from './verdict-looks.tsx';

/** By name of the node; the same object as long as the probe is the same. */
export type NodeMarks = ReadonlyMap<string, NodeVerdict>;

export class ProbeMarks {
  private readonly result: ProbeResult;
  private readonly isStale: boolean;
  private readonly known = new Map<number, NodeMarks | null>();

  constructor(result: ProbeResult, isStale: boolean) {
    this.result = result;
    this.isStale = isStale;
  }

  /** Null for a VLAN that was not probed. */
  on(vlan: number): NodeMarks | null {
    const known = this.known.get(vlan);
    if (known !== undefined) return known;
    const found = nodeVerdicts(this.result, vlan, this.isStale ? Infinity : this.result.atMs);
    const marks = found.size === 0 ? null : found;
    this.known.set(vlan, marks);
    return marks;
  }

  /** Of all paths on a VLAN the worst; null for a VLAN that was not probed. */
  worstOn(vlan: number): ProbeVerdict | null {
    if (this.on(vlan) === null) return null;
    return verdictOfVlan(this.result, vlan, this.isStale ? Infinity : this.result.atMs);
  }
}

/** `probe: blocked`, behind what a cell says of its VMs. */
export function markWords({ verdict, isElsewhere }: NodeVerdict): string {
  return `probe: ${verdictLooks[verdict].word}${isElsewhere ? ' here, and bad to another node' : ''}`;
}
