// Host keys in a plan: what each node showed, and which nodes show the same key, which makes them clones of one image.
import type { Plan } from '../../contract/plans.ts';

export interface HostKey {
  readonly type: string;
  /** `SHA256:…`. */
  readonly fingerprint: string;
  /** Other nodes that show the same key. */
  readonly alsoOn: readonly string[];
}

export interface HostKeys {
  readonly node: string;
  readonly isPinned: boolean;
  readonly keys: readonly HostKey[];
  /** What is said in place of keys: why it showed none. */
  readonly notes: readonly string[];
}

/** The pins of a plan, in its order. Steps that pin are named for it; their notes are `type SHA256:…`. */
export function hostKeysOf(plan: Pick<Plan, 'steps'>): HostKeys[] {
  const seen = plan.steps
    .filter((step) => step.do.action === 'pinHostKey')
    .map((step) => {
      const notes = step.preview.filter(({ kind }) => kind === 'note').map(({ text }) => text);
      const keys = notes.flatMap((text) => {
        const [, type, fingerprint] = /^(\S+) (SHA256:\S+)$/.exec(text) ?? [];
        return type !== undefined && fingerprint !== undefined ? [{ type, fingerprint }] : [];
      });
      return { node: step.node, isPinned: step.isDone, keys, notes: keys.length === 0 ? notes : [] };
    });
  const nodesByKey = new Map<string, Set<string>>();
  for (const { node, keys } of seen) {
    for (const { fingerprint } of keys) {
      nodesByKey.set(fingerprint, (nodesByKey.get(fingerprint) ?? new Set()).add(node));
    }
  }
  return seen.map((each) => ({
    ...each,
    keys: each.keys.map((key) => ({
      ...key,
      alsoOn: [...(nodesByKey.get(key.fingerprint) ?? [])].filter((node) => node !== each.node),
    })),
  }));
}

/** Nodes whose keys are new and must be looked at before they are pinned. */
export function newKeys(keys: readonly HostKeys[]): HostKeys[] {
  return keys.filter(({ isPinned, keys: shown }) => !isPinned && shown.length > 0);
}
