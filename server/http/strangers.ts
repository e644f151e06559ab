// TCP connections that have shown no session yet, counted in all and by address. At the bound the oldest one of the address
// with the most of them is closed: who opens many of them closes his own.
import type { Socket } from 'node:net';

export class Strangers {
  private readonly limits: { readonly total: number; readonly perAddress: number };
  private readonly isExempt: (address: string) => boolean;
  /** By address, in the order in which they came. */
  private readonly byAddress = new Map<string, Map<string, Socket>>();
  private total = 0;

  /** `isExempt`: addresses of trusted proxies, behind which there are many clients. */
  constructor(options: { total: number; perAddress: number; isExempt: (address: string) => boolean }) {
    this.limits = options;
    this.isExempt = options.isExempt;
  }

  get size(): number {
    return this.total;
  }

  add(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.isExempt(address)) return;
    const own = this.byAddress.get(address) ?? new Map<string, Socket>();
    this.byAddress.set(address, own);
    const key = keyOf(socket);
    own.set(key, socket);
    this.total += 1;
    socket.once('close', () => this.forget(address, key));
    if (own.size > this.limits.perAddress) this.closeOldest(address, own);
    if (this.total > this.limits.total) this.closeOldest(...this.largest());
  }

  /** One of its requests had a session. Any socket of the connection will do: that of TLS is not the one that was added. */
  know(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): void {
    this.forget(socket.remoteAddress ?? '', keyOf(socket));
  }

  private largest(): [string, Map<string, Socket>] {
    return [...this.byAddress].reduce((most, entry) => (entry[1].size > most[1].size ? entry : most));
  }

  private closeOldest(address: string, own: Map<string, Socket>): void {
    const [oldest] = own;
    if (!oldest) return;
    this.forget(address, oldest[0]);
    oldest[1].destroy();
  }

  private forget(address: string, key: string): void {
    const own = this.byAddress.get(address);
    if (!own?.delete(key)) return;
    this.total -= 1;
    if (own.size === 0) this.byAddress.delete(address);
  }
}

function keyOf({ remotePort }: Pick<Socket, 'remotePort'>): string {
  return String(remotePort);
}
