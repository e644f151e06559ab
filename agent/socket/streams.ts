// Streams for clients of the command socket: they name nodes, the mesh has ids.
import { AppError } from '../../contract/errors.ts';
import { rangeHint } from '../../core/ranges/parse-range.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { StreamSource } from './connection.ts';

export function createStreamSource(components: { mesh: Mesh; roster: Pick<RosterStore, 'nodeByName'> }): StreamSource {
  const { mesh, roster } = components;
  return {
    async open(name, service, args, signal) {
      const id = name === '' ? mesh.nodeId : roster.nodeByName(name)?.id;
      if (id === undefined) throw new AppError('not-found', `no node ${name} in the roster${rangeHint(name)}`);
      return mesh.streams.open(id, service, args, { signal });
    },
  };
}
