// The fleet with its real engine, as server/serve.ts makes it.
import { MeshdSockets } from '../engines/meshd/sockets.ts';
import type { CreateFleet } from '../ports.ts';
import { Fleet } from './fleet.ts';

export const createFleet: CreateFleet = ({ log }, { store }) =>
  new Fleet(
    {
      opener: new MeshdSockets({ version: '0.1.0' }, { keys: store.keys }),
      now: () => Date.now(),
      log,
    },
    { store },
  );
