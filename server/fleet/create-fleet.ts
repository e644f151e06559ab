// The fleet with its real engines, as server/serve.ts makes it.
import { createEngines } from '../engines/engines.ts';
import type { CreateFleet } from '../ports.ts';
import { readVersion } from '../version.ts';
import { Fleet } from './fleet.ts';

export const createFleet: CreateFleet = ({ log }, { store }) =>
  new Fleet(
    { engines: createEngines({ version: readVersion() }, { keys: store.keys }), now: () => Date.now(), log },
    { store },
  );
