// What VMs need of the node's virtual switch (host/ovs).
import type { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';

export type Switch = Pick<
  VirtualSwitch,
  | 'start'
  | 'stop'
  | 'onChange'
  | 'onAddress'
  | 'addressesOf'
  | 'state'
  | 'needsWholeFrames'
  | 'reserveTaps'
  | 'releaseTaps'
  | 'addPorts'
  | 'movePorts'
  | 'removePorts'
  | 'expectHeld'
  | 'ensureBridge'
  | 'shapeTap'
  | 'view'
>;
