// The configurations that `vm config` makes on this node, one for each namespace, and those that were saved by name: what the next launch takes. In
// memory alone, as in minimega: VMs keep their own copy. What a field may be is core/vms/config-fields.ts.
import { AppError } from '../../contract/errors.ts';
import { maxNamespaces } from '../../contract/limits.ts';
import {
  defaultConfig,
  describeSavedConfigs,
  restoreConfig,
  saveConfig,
  type SavedConfigs,
  type VmConfig,
} from '../../core/vms/config.ts';
import { withWord } from '../../core/vms/launch-settings.ts';
import type { Result } from '../../core/vms/result.ts';

interface Scope {
  readonly config: VmConfig;
  readonly saved: SavedConfigs;
}

const untouched: Scope = { config: defaultConfig, saved: new Map() };

/** In its place in a launch, this word means that nothing changes. */
export const dryRunWord = 'dry-run';

export class VmConfigs {
  private readonly scopes = new Map<string, Scope>();

  current(namespace: string): VmConfig {
    return this.scope(namespace).config;
  }

  /** @throws AppError `refused` when too many namespaces have configurations */
  set(namespace: string, config: VmConfig): void {
    this.put(namespace, { ...this.scope(namespace), config });
  }

  /** @throws AppError `invalid` */
  save(namespace: string, name: string): void {
    if (name === dryRunWord || name === withWord) {
      throw new AppError('invalid', `a config cannot have the name ${name}: \`vm launch\` takes it as a word`);
    }
    const scope = this.scope(namespace);
    this.put(namespace, { ...scope, saved: valid(saveConfig(scope.saved, name, scope.config)) });
  }

  /** The configuration saved under `name`. @throws AppError `invalid` with minimega's text */
  saved(namespace: string, name: string): VmConfig {
    return valid(restoreConfig(this.scope(namespace).saved, name));
  }

  /** Names of saved configurations, one a line. @throws AppError `invalid` with minimega's text without any */
  describeSaved(namespace: string): string {
    return valid(describeSavedConfigs(this.scope(namespace).saved));
  }

  /** The namespace is gone. */
  forget(namespace: string): void {
    this.scopes.delete(namespace);
  }

  private scope(namespace: string): Scope {
    return this.scopes.get(namespace) ?? untouched;
  }

  private put(namespace: string, scope: Scope): void {
    if (!this.scopes.has(namespace) && this.scopes.size >= maxNamespaces) {
      throw new AppError(
        'refused',
        `${maxNamespaces} namespaces have a configuration here: remove some with \`clear namespace <name>\``,
      );
    }
    this.scopes.set(namespace, scope);
  }
}

function valid<T>(result: Result<T>): T {
  if (!result.ok) throw new AppError('invalid', result.message);
  return result.value;
}
