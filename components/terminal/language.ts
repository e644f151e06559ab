// The language of a terminal: that of the engine of its cluster.
import type { FleetCluster } from '../../contract/fleet.ts';
import { describeMissing } from '../../core/commands/missing.ts';
import type { CompiledPattern } from '../../core/commands/pattern.ts';
import { commandTable } from '../../core/commands/table.ts';

export interface Language {
  readonly table: readonly CompiledPattern[];
  /** What it says of words that are another engine's; null when it knows none. */
  readonly describeMissing: ((words: readonly string[]) => string | null) | null;
}

export const meshdLanguage: Language = { table: commandTable, describeMissing };

export async function languageOf(engine: FleetCluster['Engine']): Promise<Language> {
  if (engine === 'meshd') return meshdLanguage;
  const { minimegaTable } = await import('../../core/minimega/table.ts');
  return { table: minimegaTable, describeMissing: null };
}
