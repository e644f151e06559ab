// Views of the table of VMs that the reader kept in this browser, by name. Pure but for the storage that callers pass.

export interface SavedView {
  readonly name: string;
  /** The filter as typed, the order, and what the segments are by. */
  readonly filter: string;
  readonly sort: string;
  readonly by: string;
}

export const maxSavedViews = 50;
export const maxViewName = 60;
const maxText = 1_000;
const storageKey = 'meshdeck.vms.views';

/** What is stored, as far as it can be read. */
export function readViews(storage: Pick<Storage, 'getItem'>): readonly SavedView[] {
  try {
    const stored: unknown = JSON.parse(storage.getItem(storageKey) ?? '[]');
    return Array.isArray(stored) ? stored.flatMap((view) => (isView(view) ? [view] : [])).slice(0, maxSavedViews) : [];
  } catch {
    // Another program's text, or a browser that keeps nothing.
    return [];
  }
}

/** Whether the browser kept them. */
export function writeViews(storage: Pick<Storage, 'setItem'>, views: readonly SavedView[]): boolean {
  try {
    storage.setItem(storageKey, JSON.stringify(views));
    return true;
  } catch {
    return false;
  }
}

/** Why a view cannot be kept under this name; empty when it can. A name that is there already is replaced. */
export function viewNameIssue(name: string, views: readonly SavedView[]): string {
  if (name.trim() === '') return 'Give it a name.';
  if (name.trim().length > maxViewName) return `At most ${maxViewName} characters.`;
  const isNew = views.every((view) => view.name !== name.trim());
  return isNew && views.length >= maxSavedViews ? `At most ${maxSavedViews} views are kept: remove one first.` : '';
}

export function withView(views: readonly SavedView[], view: SavedView): readonly SavedView[] {
  return [...views.filter(({ name }) => name !== view.name), view];
}

function isView(value: unknown): value is SavedView {
  if (typeof value !== 'object' || value === null) return false;
  const { name, filter, sort, by } = value as Record<string, unknown>;
  return [name, filter, sort, by].every((text) => typeof text === 'string' && text.length <= maxText) && name !== '';
}
