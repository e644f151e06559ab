// For tests: the record of a VM on one VLAN.
import { defaultConfig } from '../../core/vms/config.ts';
import type { VmRecord } from '../../core/vms/record.ts';

/** It runs in the namespace `lab`, with the tap mega_tap0 on VLAN 120. */
export const recordForTests = (name: string, host: string): VmRecord => ({
  ...{ id: 1, name, namespace: 'lab', host, uuid: name, config: defaultConfig, state: 'RUNNING', reason: '' },
  ...{ launchedAtMs: 0, pid: 1, hotplug: [], accelerator: 'tcg' },
  nets: [
    {
      ...{ alias: 'lan', vlan: 120, bridge: 'mega_bridge', tap: 'mega_tap0' },
      ...{ mac: '02:00:00:00:00:01', driver: 'e1000', qinq: false, ip4: '', ip6: '', qos: '', raw: '' },
    },
  ],
});
