// Who uses VLANs on this node. VMs and launches do; they register here, so that VLANs know nothing of VMs.
import type { AliasName } from '../../core/vlans/names.ts';

export interface VlanUser {
  /** Name of the VM. */
  readonly vm: string;
  readonly namespace: string;
  readonly vlan: number;
  /** The alias by which it is on the number, as `vm info` shows it; empty: by the number itself. Absent: not known. */
  readonly alias?: string | undefined;
}

export interface VlanUsers {
  /**
   * Interfaces on these numbers, one entry each. A VM counts from the moment that its config names the number until its
   * interface is gone: a number without a user may be given to another alias.
   */
  using(vlans: readonly number[]): readonly VlanUser[];
  /**
   * Puts the interfaces that are on one of `from` by this alias on `to`. @returns the users as they were
   * @throws AppError when some could not be moved; moving again is safe
   */
  move(change: { name: AliasName; from: readonly number[]; to: number }): Promise<readonly VlanUser[]>;
}

/** All of these as one. */
export function joinUsers(all: readonly VlanUsers[]): VlanUsers {
  return {
    using: (vlans) => all.flatMap((users) => users.using(vlans)),
    move: async (change) => (await Promise.all(all.map((users) => users.move(change)))).flat(),
  };
}
