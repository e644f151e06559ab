// `bridge`: shows the bridge. It never makes one; the console's plan does that, and arms a rollback first.
import { responseEntry } from '../../contract/command-socket.ts';
import type { BridgeSummary } from '../../contract/bridge.ts';
import type { Handlers } from './handler.ts';

const header = ['bridge', 'uplink', 'owner', 'persistence', 'reboot', 'transaction', 'alarms'];

/** `observe` looks at this host now. */
export function createBridgeHandlers(observe: () => Promise<BridgeSummary>): Handlers {
  return {
    bridge: async ({ host }) => {
      const summary = await observe();
      const { bridge, uplink, owner, persistence, reboot, transaction, alarms } = summary;
      const isEmpty = bridge === '' && transaction === '' && alarms.length === 0;
      const row = [bridge, uplink, owner, persistence, reboot, transaction, alarms.join('; ')];
      return [responseEntry(host, { Header: header, Tabular: isEmpty ? [] : [row], Data: summary })];
    },
  };
}
