// The host store with listeners for its changes: pages show a node as soon as it is known.
import type { HostStore } from '../ports.ts';

export function toldHosts(hosts: Omit<HostStore, 'onChanged'>): HostStore {
  const listeners = new Set<Parameters<HostStore['onChanged']>[0]>();
  return {
    list: () => hosts.list(),
    async put(host) {
      await hosts.put(host);
      for (const listener of [...listeners]) listener(host.id, host);
    },
    async update(id, change) {
      const host = await hosts.update(id, change);
      if (host) for (const listener of [...listeners]) listener(id, host);
      return host;
    },
    async remove(id) {
      await hosts.remove(id);
      for (const listener of [...listeners]) listener(id, null);
    },
    onChanged(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
