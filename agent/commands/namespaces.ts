// Namespaces as this daemon knows them: which hosts each has. The first mention creates a namespace, with all other members
// of the mesh as its hosts (or this host, when it is alone), as in minimega. Each daemon has its own list.
import { AppError } from '../../contract/errors.ts';
import { maxNamespaces } from '../../contract/limits.ts';
import { defaultNamespace } from './session.ts';

export interface NamespacesOptions {
  readonly host: string;
  /** VLAN pool of the default namespace, `min-max`. */
  readonly vlanRange: string;
}

export class Namespaces {
  private readonly options: NamespacesOptions;
  private readonly peerNames: () => string[];
  private readonly hostsByName = new Map<string, readonly string[]>();

  constructor(options: NamespacesOptions, components: { peerNames: () => string[] }) {
    this.options = options;
    this.peerNames = components.peerNames;
  }

  /** Makes the namespace unless it exists. @throws AppError `invalid` for a name that cannot be one. */
  mention(name: string): void {
    if (name === defaultNamespace || this.hostsByName.has(name)) return;
    if (!/^(?!-|\.{1,2}$)[A-Za-z0-9_.-]{1,64}$/.test(name) || name === 'all') {
      throw new AppError(
        'invalid',
        `invalid namespace name \`${name.slice(0, 80)}\`: 1 to 64 letters, digits, hyphens, underscores or dots, not first a hyphen, and not \`.\`, \`..\` or \`all\``,
      );
    }
    if (this.hostsByName.size >= maxNamespaces) {
      throw new AppError(
        'refused',
        `more than ${maxNamespaces} namespaces: remove some with \`clear namespace <name>\``,
      );
    }
    const others = this.peerNames();
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
    return this.names().map((name) => [
      name,
      name === defaultNamespace ? this.options.vlanRange : '',
      String(name === active),
    ]);
  }
}
