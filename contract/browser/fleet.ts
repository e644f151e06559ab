// The live picture: a snapshot, then deltas until the client leaves.
import { z } from 'zod';
import { FleetDelta, FleetSnapshot } from '../fleet.ts';
import { defineMethod, Nothing } from '../method.ts';

const KindNames = z.array(z.string().max(40)).max(64).optional();

/** Which kinds a snapshot has: all unless named. A page asks for what it shows first before it asks for the rest. */
export const FleetChoice = z.object({ Only: KindNames, Without: KindNames });
export type FleetChoice = z.infer<typeof FleetChoice>;

export const fleetMethods = {
  'fleet.subscribe': defineMethod({
    name: 'fleet.subscribe',
    summary: 'All clusters as they are now; fleet.delta events follow on a connection.',
    role: 'viewer',
    changes: false,
    input: FleetChoice,
    output: FleetSnapshot,
    example: { Only: ['nodes'] },
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
