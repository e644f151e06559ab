// A browser's end of a fleet, for tests that run the server's side in their own process.
import { ConsoleClient, type SocketLike } from '../lib/client.ts';
import type { Fleet } from '../server/fleet/fleet.ts';

/** A client that gets the snapshot and the deltas of `served`; each passes through JSON, as on the wire. */
export function clientOf(served: Fleet): ConsoleClient {
  const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
  const socket: SocketLike = {
    connected: true,
    active: true,
    emit: (_name, _input, ack) => ack({ ok: true, data: copy(served.snapshot()) }),
    on: (name, listener) => {
      if (name === 'fleet.delta') served.onDelta((delta) => listener(copy(delta)));
    },
    connect: () => undefined,
    disconnect: () => undefined,
  };
  return new ConsoleClient({ socket, now: () => Date.now() });
}
