// What the engine of a cluster cannot do: pages disable it, and say why.
import type { FleetCluster } from '../../contract/fleet.ts';

/** Why this cluster cannot do it; empty when it can. */
export function lackOf(cluster: Pick<FleetCluster, 'Lacks'> | null, what: string): string {
  return cluster?.Lacks?.find(({ What }) => What === what)?.Reason ?? '';
}
