// What other parts of meshd know of namespaces, and what namespaces know of them. Interfaces alone, so that neither imports the other.
import type { LoadKind } from '../../core/vms/placement.ts';

/** What a part keeps for namespaces on this node: VMs, taps, configurations. */
export interface NamespaceContent {
  /**
   * Ends what this node has in a namespace, permanently; nothing there is nothing to do, and doing it again is safe.
   * @returns what could not be ended, each with the reason
   */
  end(namespace: string, options: { readonly signal: AbortSignal }): Promise<readonly string[]>;
}

/** What the whole cluster keeps for namespaces, such as VLAN aliases. */
export interface ClusterContent {
  /** Once no host has anything of the namespace. @throws AppError that says what is left */
  end(namespace: string, options: { readonly signal: AbortSignal }): Promise<void>;
}

/** How launches see namespaces. */
export interface NamespaceHosts {
  /** Names of the hosts, those that are away too, in natural order. */
  hosts(namespace: string): readonly string[];
  load(namespace: string): LoadKind;
}
