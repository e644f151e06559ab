// Names of VMs as they are typed: how many, and which.
import { nameCounted } from '../../core/plans/vms/rules.ts';
import { parseLaunchNames } from '../../core/vms/names.ts';
import { countOf } from '../../lib/format.ts';

/** Names of a range, or of a number; none while it is neither. */
export function namesIn(text: string): readonly string[] {
  const parsed = parseLaunchNames(nameCounted(text.trim()));
  return parsed.ok && 'names' in parsed.value ? parsed.value.names : [];
}

/** `16 VMs`. */
export function countNames(text: string): string {
  return countOf(namesIn(text).length, 'VM');
}

/** `16 VMs: web1, web2 … web16`; empty without one. */
export function previewNames(text: string): string {
  const names = namesIn(text);
  if (names.length === 0) return '';
  const shown = names.length <= 4 ? names.join(', ') : `${names.slice(0, 2).join(', ')} … ${names.at(-1) ?? ''}`;
  return `${countOf(names.length, 'VM')}: ${shown}`;
}
