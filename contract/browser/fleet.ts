// The live picture: a snapshot, then deltas until the client leaves.
import { FleetDelta, FleetSnapshot } from '../fleet.ts';
import { defineMethod, Nothing } from '../method.ts';

export const fleetMethods = {
  'fleet.subscribe': defineMethod({
    name: 'fleet.subscribe',
    summary: 'All clusters as they are now; fleet.delta events follow on a connection.',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: FleetSnapshot,
    example: {},
  }),
  'fleet.unsubscribe': defineMethod({
    name: 'fleet.unsubscribe',
    summary: 'Ends the fleet.delta events of this connection.',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: Nothing,
    example: {},
  }),
} as const;

export const fleetEvents = {
  'fleet.delta': FleetDelta,
} as const;
