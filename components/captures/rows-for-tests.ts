// For tests: a capture as the fleet tells it.
import type { FleetCapture } from '../../contract/fleet.ts';

export const capture = (part: Partial<FleetCapture> = {}): FleetCapture => ({
  ...{ Cluster: 'c1', AsOf: 0, Node: 'n1', Id: 1, Namespace: 'minimega', Kind: 'pcap', State: 'running', Reason: '' },
  ...{ Bridge: 'mega_bridge', Vm: 'web', VmId: 0, Nic: 0, Target: 'web.pcap', HasPackets: true, Filter: '', By: 'Ann' },
  ...{
    Started: 1_700_000_000_000,
    Ended: null,
    Packets: 12,
    Bytes: 1_840,
    Dropped: null,
    MaxBytes: 1e8,
    MaxSeconds: 600,
  },
  ...part,
});
