// What arrived at one node in one round of a probe, counted. Bounded by the round, whatever the network does with its frames.
import { decodeProbeFrame, frameSizes, type FrameSize } from './frame.ts';
import type { ProbeRound } from './plan.ts';

/** Frames of one sender, VLAN and size that arrived with one tag. */
export interface Arrival {
  readonly origin: number;
  /** That they were sent on. */
  readonly vlan: number;
  /** That they arrived on; 0 without a tag. */
  readonly arrived: number;
  readonly size: FrameSize;
  /** Different copies. */
  readonly copies: number;
  /** How often the most frequent of them arrived. */
  readonly most: number;
}

/** Of one node about one round. Most is as it was sent, so that is said in a character for each VLAN and sender. */
export interface ProbeReport {
  /** For each VLAN of the round a text with a character for each node: 1 for `all copies of both sizes arrived once, on this VLAN alone`. */
  readonly whole: readonly string[];
  /** All that arrived of the others. */
  readonly odd: readonly Arrival[];
  /** More came than a probe sends, and the rest was left out: frames go in circles. */
  readonly isCut: boolean;
}

/** Groups of one sender and VLAN: the right VLAN, and some that its frames ended up on. */
const groupsAtMost = 8;
const countAtMost = 0xffff;
/** Of one frame in one round. */
export const maxCopies = 8;

export class Arrivals {
  private readonly of: { readonly run: string; readonly round: number; readonly nodes: number };
  private readonly vlans: readonly number[];
  private readonly places: ReadonlyMap<number, number>;
  /** By sender and place of the VLAN, then by tag and size: how often each copy arrived. */
  private readonly counts = new Map<number, Map<number, Uint16Array>>();
  private isCut = false;

  /** `vlans`: of the whole probe. */
  constructor(of: Arrivals['of'], vlans: readonly number[]) {
    this.of = of;
    this.vlans = vlans;
    this.places = new Map(vlans.map((vlan, place) => [vlan, place]));
  }

  /** @returns whether it is a frame of this round */
  take(frame: Uint8Array): boolean {
    const read = decodeProbeFrame(frame);
    if (!read) return false;
    const { run, round, origin, vlan, copy, size } = read.mark;
    const place = this.places.get(vlan);
    const isOurs = run === this.of.run && round === this.of.round && origin < this.of.nodes && copy < maxCopies;
    if (!isOurs || place === undefined) return false;
    const key = origin * this.vlans.length + place;
    const groups = this.counts.get(key) ?? new Map<number, Uint16Array>();
    this.counts.set(key, groups);
    const group = (read.tags[0] ?? 0) * frameSizes.length + frameSizes.indexOf(size);
    const known = groups.get(group);
    if (!known && groups.size >= groupsAtMost) {
      this.isCut = true;
      return true;
    }
    const copies = known ?? new Uint16Array(maxCopies);
    copies[copy] = Math.min(countAtMost, (copies[copy] ?? 0) + 1);
    groups.set(group, copies);
    return true;
  }

  /** About these VLANs of the probe, on which each node has sent so many copies of each size. */
  report({ vlans, copies }: Pick<ProbeRound, 'vlans' | 'copies'>): ProbeReport {
    const odd: Arrival[] = [];
    const whole = vlans.map((vlan) =>
      Array.from({ length: this.of.nodes }, (_, origin) => {
        const groups = this.counts.get(origin * this.vlans.length + (this.places.get(vlan) ?? Infinity));
        if (!groups) return '0';
        if (isWhole(groups, vlan, copies)) return '1';
        for (const [group, counts] of groups) {
          const size = frameSizes[group % frameSizes.length] ?? 'small';
          const arrived = Math.floor(group / frameSizes.length);
          const seen = counts.filter((count) => count > 0).length;
          odd.push({ origin, vlan, arrived, size, copies: seen, most: Math.max(...counts) });
        }
        return '0';
      }).join(''),
    );
    return { whole, odd, isCut: this.isCut };
  }
}

/** All copies of both sizes once, and nothing else. */
function isWhole(groups: ReadonlyMap<number, Uint16Array>, vlan: number, copies: number): boolean {
  if (groups.size !== frameSizes.length) return false;
  return frameSizes.every((_, size) =>
    groups.get(vlan * frameSizes.length + size)?.every((count, copy) => count === (copy < copies ? 1 : 0)),
  );
}
