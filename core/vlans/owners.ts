// Who decides: each number and each alias has one owner among the members of the roster, by rendezvous hashing. Nodes with the
// same roster agree without a word; a new member takes numbers from all others, and no others change hands.
import { hashText, mix } from '../tables/hash.ts';
import { maxVlan, type AliasName } from './names.ts';

export class Owners {
  private readonly members: readonly { readonly id: string; readonly seed: number }[];
  private readonly known: (string | undefined)[] = [];

  constructor(memberIds: readonly string[]) {
    // In one order, so that equal scores have one winner.
    this.members = [...memberIds].sort().map((id) => ({ id, seed: hashText(id)[0] }));
  }

  /** The member that alone may give away this number; undefined in a roster without members. */
  ofNumber(vlan: number): string | undefined {
    if (vlan > maxVlan) return undefined;
    return (this.known[vlan] ??= this.best(mix(vlan)));
  }

  /** All members, the one that decides on this alias first, then those that do where it cannot. */
  ofAlias({ namespace, alias }: AliasName): string[] {
    const point = hashText(`${namespace}//${alias}`)[0];
    return this.members
      .map(({ id, seed }) => ({ id, score: mix(seed ^ point) }))
      .sort((a, b) => b.score - a.score)
      .map(({ id }) => id);
  }

  private best(point: number): string | undefined {
    let best: string | undefined;
    let most = -1;
    for (const { id, seed } of this.members) {
      const score = mix(seed ^ point);
      if (score > most) [best, most] = [id, score];
    }
    return best;
  }
}
