// The launches that this node has run, by namespace, for `ns schedule status`. In memory: what became of VMs is in their records.
import { maxNamespaces } from '../../contract/limits.ts';

/** The newest launches of one namespace: a person looks at the last few. */
const maxLaunches = 100;

export interface Launch {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Null while it runs. */
  readonly endedAt: number | null;
  /** As minimega calls it. */
  readonly state: 'launching' | 'completed';
  readonly launched: number;
  readonly failures: number;
  readonly total: number;
  /** Number of hosts that it could choose from. */
  readonly hosts: number;
}

export class Launches {
  private readonly byNamespace = new Map<string, Launch[]>();
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  /** A launch begins. The function returned ends it. */
  begin(
    namespace: string,
    { total, hosts }: { total: number; hosts: number },
  ): (outcome: { launched: number; failures: number }) => void {
    const launch: Launch = {
      startedAt: this.now(),
      endedAt: null,
      state: 'launching',
      launched: 0,
      failures: 0,
      total,
      hosts,
    };
    const launches = this.byNamespace.get(namespace) ?? [];
    // A namespace that is used again is the newest.
    this.byNamespace.delete(namespace);
    this.byNamespace.set(namespace, launches);
    launches.push(launch);
    if (launches.length > maxLaunches) launches.shift();
    if (this.byNamespace.size > maxNamespaces) {
      const [oldest] = this.byNamespace.keys();
      if (oldest !== undefined) this.byNamespace.delete(oldest);
    }
    return ({ launched, failures }) => {
      const at = launches.indexOf(launch);
      if (at >= 0) launches[at] = { ...launch, state: 'completed', endedAt: this.now(), launched, failures };
    };
  }

  /** The oldest first. */
  of(namespace: string): readonly Launch[] {
    return this.byNamespace.get(namespace) ?? [];
  }

  /** The namespace is gone. */
  forget(namespace: string): void {
    this.byNamespace.delete(namespace);
  }
}
