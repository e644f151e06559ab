// Secrets of one run: in this process's memory until the run ends, nowhere else. Their names are those of
// core/plans/secret-names.
import { forAllNodes } from '../../core/plans/secret-names.ts';

/** Shorter ones would mask half of every log; they reach no log by other means either. */
const shortestMasked = 6;

export class RunSecrets {
  private readonly values = new Map<string, string>();
  /** Names of the nodes' secrets for which the secret for all nodes did not work. */
  private readonly refused = new Set<string>();

  add(secrets: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(secrets)) if (value !== '') this.values.set(name, value);
  }

  /** The node's own secret, else the one for all nodes. */
  get(name: string): string | undefined {
    return this.values.get(name) ?? this.values.get(forAllNodes(name));
  }

  /** Forgets the secret that `get` gave. One that is for all nodes stays for the others. */
  drop(name: string): void {
    if (!this.values.delete(name)) this.refused.add(name);
  }

  /** True when the secret for all nodes did not work for this one, and no other was given since. */
  isRefused(name: string): boolean {
    return this.refused.has(name) && !this.values.has(name);
  }

  /** A new answer for all nodes is worth a try where the last one was refused. */
  forgetRefusals(): void {
    this.refused.clear();
  }

  /** The text without any secret in it. */
  mask(text: string): string {
    let masked = text;
    for (const value of this.values.values()) {
      if (value.length < shortestMasked) continue;
      // In JSON a quote or backslash of it is escaped.
      for (const form of new Set([value, JSON.stringify(value).slice(1, -1)]))
        masked = masked.replaceAll(form, '••••••');
    }
    return masked;
  }

  clear(): void {
    this.values.clear();
    this.refused.clear();
  }
}
