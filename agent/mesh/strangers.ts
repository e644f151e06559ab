// Callers that have connected but not shown a certificate yet. Their number is bounded, and a newcomer takes the place of the
// oldest: a member shows its certificate within a moment, so a caller that stays is not a member. Addresses of members have
// their own places, which nobody else can take.
import { maxRosterAddresses, maxStrangers, maxStrangersPerAddress } from '../../contract/limits.ts';

interface Stranger {
  readonly address: string;
  readonly evict: () => void;
}

export class Strangers {
  /** By kind, oldest first. */
  private readonly unknown = new Set<Stranger>();
  private readonly ofMembers = new Set<Stranger>();
  private readonly byAddress = new Map<string, Set<Stranger>>();
  /** Addresses that members came from, or answered at, the newest last. */
  private readonly seen = new Set<string>();
  private readonly memberAddresses: () => readonly string[];
  private rosterList: readonly string[] = [];
  private rosterSet: ReadonlySet<string> = new Set();

  /** `memberAddresses`: the addresses of the roster in force; the same array while that roster is in force. */
  constructor(components: { memberAddresses: () => readonly string[] }) {
    this.memberAddresses = components.memberAddresses;
  }

  /** Adds a connection; when places run out, the oldest goes. `evict` ends this one; the returned function removes it. */
  admit(remoteAddress: string, evict: () => void): () => void {
    const address = plainAddress(remoteAddress);
    const kind = this.isOfMember(address) ? this.ofMembers : this.unknown;
    const neighbours = this.byAddress.get(address) ?? new Set();
    if (neighbours.size >= maxStrangersPerAddress) this.evictOldest(neighbours);
    else if (kind.size >= maxStrangers) this.evictOldest(kind);
    const stranger: Stranger = { address, evict };
    kind.add(stranger);
    neighbours.add(stranger);
    this.byAddress.set(address, neighbours);
    return () => {
      this.remove(stranger);
    };
  }

  /** A member showed its certificate there: it may come from an address that the roster has by name only. */
  remember(remoteAddress: string): void {
    const address = plainAddress(remoteAddress);
    this.seen.delete(address);
    this.seen.add(address);
    const [oldest] = this.seen;
    if (this.seen.size > maxRosterAddresses && oldest !== undefined) this.seen.delete(oldest);
  }

  evictAll(): void {
    for (const stranger of [...this.unknown, ...this.ofMembers]) stranger.evict();
  }

  private isOfMember(address: string): boolean {
    const list = this.memberAddresses();
    if (list !== this.rosterList) {
      this.rosterList = list;
      this.rosterSet = new Set(list.map(plainAddress));
    }
    return this.seen.has(address) || this.rosterSet.has(address);
  }

  private evictOldest(strangers: ReadonlySet<Stranger>): void {
    const [oldest] = strangers;
    if (!oldest) return;
    this.remove(oldest);
    oldest.evict();
  }

  private remove(stranger: Stranger): void {
    this.unknown.delete(stranger);
    this.ofMembers.delete(stranger);
    const neighbours = this.byAddress.get(stranger.address);
    neighbours?.delete(stranger);
    if (neighbours?.size === 0) this.byAddress.delete(stranger.address);
  }
}

/** A socket that listens for both families calls an IPv4 caller `::ffff:10.0.0.5`. */
function plainAddress(address: string): string {
  return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
}
