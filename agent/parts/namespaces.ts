// Namespaces: the `ns` commands, the rows of the kind `namespaces`, and clearing. Parts with something in namespaces register it (`register`).
import { join } from 'node:path';
import { defaultNamespace } from '../../core/namespaces.ts';
import { createNsHandlers } from '../commands/ns.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { ClusterContent } from '../namespaces/content.ts';
import { Launches } from '../namespaces/launches.ts';
import { Namespaces } from '../namespaces/namespaces.ts';
import { namespaceSource } from '../rows/namespace-rows.ts';
import { TextFile } from '../tables/table-store.ts';
import type { Vlans } from '../vlans/vlans.ts';
import type { Part } from './part.ts';

export interface NamespacesPart extends Part {
  readonly namespaces: Namespaces;
  readonly launches: Launches;
}

export async function createNamespacesPart(
  { checkMs, stateFolder }: { readonly checkMs: number; readonly stateFolder: string },
  { mesh, roster, clock, log, vlans }: { mesh: Mesh; roster: RosterStore; clock: Clock; log: Log; vlans: Vlans },
): Promise<NamespacesPart> {
  const store = new TextFile(join(stateFolder, 'namespaces.json'));
  const namespaces = await Namespaces.open(
    { checkMs },
    { mesh, roster, clock, random: Math.random, store, log, clusterContent: vlansOfNamespaces(vlans) },
  );
  namespaces.start();
  const launches = new Launches(() => clock.wallNow());
  namespaces.register({
    end: (namespace) => {
      launches.forget(namespace);
      return Promise.resolve([]);
    },
  });
  return {
    namespaces,
    launches,
    handlers: createNsHandlers(namespaces, launches),
    kinds: [
      namespaceSource({
        namespaces,
        vlans: {
          range: (namespace) => vlans.pools.ownRange(namespace),
          onChange: (listener) =>
            vlans.state.onChange(({ ranges }) => {
              if (ranges.length > 0) listener();
            }),
        },
      }),
    ],
    stop: () => namespaces.stop(),
  };
}

/** Aliases go with their namespace, and so does the range that was set for it. The default range is of all. */
export function vlansOfNamespaces(vlans: Vlans): ClusterContent {
  return {
    end: async (namespace, options) => {
      await vlans.clear({ namespace, prefix: '' }, options);
      if (namespace !== defaultNamespace && vlans.pools.ownRange(namespace) !== null)
        await vlans.setRange(namespace, null);
    },
  };
}
