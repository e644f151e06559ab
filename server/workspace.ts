// The console's parts without its web side, for the CLI where no server runs: the same plans, runs and journal under the same
// hold on the data folder. Root on the machine that has the folder is an admin.
import { userInfo } from 'node:os';
import type { Log, Workspace } from './ports.ts';
import type { Makers } from './start.ts';
import type { ConsoleStore } from './store/types.ts';
import { holdDataFolder, openDataFolder, prepareDataFolder } from './store/data-folder.ts';

/** @throws AppError `conflict` when a console or another CLI holds the folder. */
export async function openWorkspace(
  dataPath: string,
  { createFleet, createRuns, log }: Makers & { readonly log: Log },
): Promise<Workspace & { readonly store: ConsoleStore }> {
  const stops: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  try {
    const notes = await prepareDataFolder(dataPath);
    stops.push(await holdDataFolder(dataPath, 'meshdeck'));
    const { store, notes: more } = await openDataFolder(dataPath);
    for (const note of [...notes, ...more]) log.warn(note);
    stops.push(() => store.stop());
    await store.start();
    const fleet = createFleet({ log }, { store });
    stops.push(() => fleet.stop());
    await fleet.start();
    const runs = createRuns({ log, usesOwnKeys: true }, { store, fleet });
    stops.push(() => runs.stop());
    await runs.start();
    const caller = { userId: 'system', name: `${userInfo().username} on this machine`, role: 'admin' } as const;
    return { store, fleet, runs, caller, close };
  } catch (error) {
    await close();
    throw error;
  }
}
