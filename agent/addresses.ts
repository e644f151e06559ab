// The addresses at which other nodes can dial this one.
import { networkInterfaces } from 'node:os';

/** IPv4 first, then IPv6, without loopback and link-local; 127.0.0.1 when the machine has nothing else. */
export function observeAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const usable = all.filter(({ internal, address }) => !internal && !/^(169\.254\.|fe80:)/i.test(address));
  const sorted = [...usable].sort((a, b) => Number(a.family === 'IPv6') - Number(b.family === 'IPv6'));
  return sorted.length > 0 ? sorted.map(({ address }) => address) : ['127.0.0.1'];
}
