// Namespaces as this daemon knows them: which hosts each has. The first mention creates a namespace, with all other members
// of the mesh as its hosts (or this host, when it is alone), as in minimega. Each daemon has its own list.
import { AppError } from '../../contract/errors.ts';
import { maxNamespaces } from '../../contract/limits.ts';
import { defaultNamespace, isNamespaceName, namespaceNameRule } from '../../core/namespaces.ts';
import type { VlanRange } from '../../core/vlans/table.ts';

export interface NamespacesOptions {
  readonly host: string;
}

export interface NamespacesComponents {
  readonly peerNames: () => string[];
  /** null: it uses the default ones. */
  readonly vlanRange: (namespace: string) => VlanRange | null;
}

export class Namespaces {
  private readonly options: NamespacesOptions;
  private readonly components: NamespacesComponents;
  private readonly hostsByName = new Map<string, readonly string[]>();

  constructor(options: NamespacesOptions, components: NamespacesComponents) {
    this.options = options;
    this.components = components;
  }

  /** Makes the namespace unless it exists. @throws AppError `invalid` for a name that cannot be one. */
  mention(name: string): void {
    if (name === defaultNamespace || this.hostsByName.has(name)) return;
    if (!isNamespaceName(name))
      throw new AppError('invalid', `invalid namespace name \`${name.slice(0, 80)}\`: ${namespaceNameRule}`);
    if (this.hostsByName.size >= maxNamespaces) {
      throw new AppError(
        'refused',
        `more than ${maxNamespaces} namespaces: remove some with \`clear namespace <name>\``,
      );
    }
    const others = this.components.peerNames();
    this.hostsByName.set(name, others.length > 0 ? others : [this.options.host]);
  }

  /** Hosts that a command in this namespace runs on. */
  hosts(name: string): readonly string[] {
    return this.hostsByName.get(name) ?? [this.options.host];
  }

  has(name: string): boolean {
    return name === defaultNamespace || this.hostsByName.has(name);
  }

  names(): string[] {
    return [defaultNamespace, ...this.hostsByName.keys()];
  }

  remove(name: string): void {
    this.hostsByName.delete(name);
  }

  /** Rows of `namespace`: name, VLAN range, whether it is the active one. */
  rows(active: string): string[][] {
    return this.names().map((name) => {
      const range = this.components.vlanRange(name);
      return [name, range === null ? '' : `${range.min}-${range.max}`, String(name === active)];
    });
  }
}
