// What `capture pcap snaplen` and the like set on this node, for each namespace: in memory alone, as in minimega.
import { AppError } from '../../contract/errors.ts';
import { maxNamespaces } from '../../contract/limits.ts';
import { defaultSettings, type CaptureSettings } from '../../core/capture/settings.ts';

export interface NamespaceSettings extends CaptureSettings {
  readonly mode: 'raw' | 'ascii';
  readonly isCompressed: boolean;
}

const untouched: NamespaceSettings = { ...defaultSettings, mode: 'raw', isCompressed: false };

export class CaptureSettingsBook {
  private readonly settings = new Map<string, NamespaceSettings>();

  of(namespace: string): NamespaceSettings {
    return this.settings.get(namespace) ?? untouched;
  }

  /** @throws AppError `refused` when too many namespaces have settings */
  change(namespace: string, part: Partial<NamespaceSettings>): void {
    if (!this.settings.has(namespace) && this.settings.size >= maxNamespaces)
      throw new AppError('refused', `${maxNamespaces} namespaces have settings for captures: clear one`);
    this.settings.set(namespace, { ...this.of(namespace), ...part });
  }

  forget(namespace: string): void {
    this.settings.delete(namespace);
  }
}
