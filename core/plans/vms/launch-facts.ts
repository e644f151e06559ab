// What the cluster said about a launch, as its planner needs it.
import type { FleetCluster } from '../../../contract/fleet.ts';
import type { LaunchHost } from './place.ts';

/** What a node said, and what keeps it from running these VMs. */
export interface SurveyedHost extends LaunchHost {
  /** Names of the launch that the namespace has there. */
  readonly taken: readonly string[];
  /** Files that it would fetch. */
  readonly missing: readonly { readonly name: string; readonly bytes: number }[];
  /** Why it cannot run them; empty: it can. */
  readonly issue: string;
  /** What slows them down there; empty: nothing. */
  readonly warning: string;
}

export interface LaunchFacts {
  readonly engine: FleetCluster['Engine'];
  readonly hosts: readonly SurveyedHost[];
  /** Nodes that did not answer, and why. */
  readonly silent: readonly { readonly name: string; readonly why: string }[];
  /** Null: it does not exist. */
  readonly namespace: { readonly hosts: readonly string[] } | null;
  /** Numbers of the aliases of the namespace, as `vlans` shows them: `101`, or `101 (split)`. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Who holds a number, such as `lab//lan`; empty for one that is used without an alias, or blacklisted. */
  readonly holders: ReadonlyMap<number, string>;
  /** VMs of the namespace that are lost with their node, by name. */
  readonly lost: ReadonlyMap<string, string>;
  /** Nodes whose NIC is in no bridge, as they say themselves. */
  readonly unbridged: ReadonlySet<string>;
}
