// The engines of this console.
import type { KeyStore } from '../ports.ts';
import type { Engines } from './engine.ts';
import { createMeshdEngine } from './meshd/engine.ts';
import { MeshdSockets } from './meshd/sockets.ts';
import { createMinimegaEngine } from './minimega/engine.ts';
import { MinimegaSockets } from './minimega/sockets.ts';

/** `version`: the console's own. */
export function createEngines(options: { version: string }, components: { keys: Pick<KeyStore, 'get'> }): Engines {
  return {
    meshd: createMeshdEngine(new MeshdSockets(options, components)),
    minimega: createMinimegaEngine(new MinimegaSockets(components)),
  };
}
