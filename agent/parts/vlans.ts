// VLANs: the `vlans` commands, the rows of the kind `vlans`, and the numbers that VMs ask for.
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { parseVlanRange } from '../../core/vlans/pool.ts';
import { createVlanHandlers } from '../commands/vlans.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { vlanSource } from '../rows/vlan-rows.ts';
import { TextFile } from '../tables/table-store.ts';
import { Vlans } from '../vlans/vlans.ts';
import type { Part } from './part.ts';

export interface VlanPartOptions {
  /** `-vlanrange`, checked by the flags. */
  readonly range: string;
  readonly checkMs: number;
  readonly stateFolder: string;
}

export interface VlanPart extends Part {
  readonly vlans: Vlans;
}

export async function createVlanPart(
  { range, checkMs, stateFolder }: VlanPartOptions,
  { mesh, roster, clock, log }: { mesh: Mesh; roster: RosterStore; clock: Clock; log: Log },
): Promise<VlanPart> {
  const [min = '', max = ''] = range.split('-');
  const parsed = parseVlanRange(min, max);
  if (!parsed.ok) throw new AppError('invalid', `-vlanrange ${range}: ${parsed.message}`);
  const store = new TextFile(join(stateFolder, 'vlans.json'));
  const vlans = await Vlans.open(
    { range: parsed.value, checkMs },
    { mesh, roster, clock, random: Math.random, store, log },
  );
  await vlans.start();
  const onRoster = (listener: () => void) => {
    mesh.on('roster', listener);
    return () => {
      mesh.off('roster', listener);
    };
  };
  return {
    vlans,
    handlers: createVlanHandlers(vlans),
    kinds: [vlanSource(vlans.state, onRoster)],
    stop: () => vlans.stop(),
  };
}
