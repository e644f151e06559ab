// `optimize`: tuning of this host for its VMs.
import { createOptimizeHandlers } from '../commands/optimize.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Optimizer } from '../vms/optimizer.ts';
import type { Part } from './part.ts';

export function createOptimizePart(optimizer: Optimizer, vms: Pick<LocalVms, 'list' | 'onChange'>): Part {
  const end = optimizer.follow(vms);
  return { handlers: createOptimizeHandlers(optimizer), kinds: [], stop: end };
}
