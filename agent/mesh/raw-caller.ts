// For tests: a caller of the simulated network that speaks for itself, frame by frame, as a hostile member would.
import { frameType, jsonFrame } from './frames.ts';
import type { Simulation } from './simulation.ts';
import type { Connection } from './transport.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface RawCaller {
  readonly connection: Connection;
  /** All that came. */
  readonly frames: Uint8Array[];
  readonly closed: () => boolean;
}

/** Someone with this identity who connects to the node with this index and says nothing. */
export async function callAs(
  { sim, clock }: { sim: Simulation; clock: VirtualClock },
  peer: { nodeId: string; keyHash: string },
  to = 0,
): Promise<RawCaller> {
  const transport = sim.network.createTransport({ host: '10.8.8.8', port: 9000, peer, cluster: sim.authority.cluster });
  const frames: Uint8Array[] = [];
  let isClosed = false;
  const opened = new Promise<Connection>((resolve, reject) => {
    transport.dial({ host: sim.node(to).addresses[0] ?? '', port: 9000 }, 1_000, {
      onOpen: (connection) => {
        connection.handle({ onFrame: (frame) => frames.push(frame), onClose: () => (isClosed = true) });
        resolve(connection);
      },
      onError: (message) => reject(new Error(message)),
    });
  });
  await clock.advance(200);
  return { connection: await opened, frames, closed: () => isClosed };
}

/** The member with this index, in place of its meshd: its hello is sent, the answer is in `frames`. */
export async function callAsMember(
  world: { sim: Simulation; clock: VirtualClock },
  index: number,
  { to = 0, ...hello }: { to?: number } & Record<string, unknown> = {},
): Promise<RawCaller> {
  const { id: nodeId, keyHash } = world.sim.node(index);
  const caller = await callAs(world, { nodeId, keyHash }, to);
  const spoken = { min: 1, max: 1, context: 'lab', incarnation: world.clock.wallNow(), roster: 1, ...hello };
  caller.connection.send(jsonFrame(frameType.hello, spoken));
  await world.clock.advance(200);
  return caller;
}
