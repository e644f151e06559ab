// The virtual switch on a real Open vSwitch, with real taps, in a network namespace without neighbours.
import { hasOpenVSwitch, startPrivateMachine } from './private-ovs.ts';
import { describeSwitch } from './switch-compliance.ts';

if (hasOpenVSwitch) describeSwitch('with Open vSwitch', startPrivateMachine);
