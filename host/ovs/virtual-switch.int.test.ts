// The virtual switch on a real Open vSwitch, with real taps, in a network namespace without neighbours.
import { describe } from 'vitest';
import { hasOpenVSwitch, startPrivateMachine } from './private-ovs.ts';
import { describeSwitch } from './switch-compliance.ts';

describe.skipIf(!hasOpenVSwitch)('on this machine', () => describeSwitch('with Open vSwitch', startPrivateMachine));
