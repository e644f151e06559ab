// Templates of launches, by name, in this browser.
import { noValues, templateOf, type Template } from './launch-values.ts';

const storageKey = 'meshdeck.launch-templates';
/** People keep a handful; a browser's storage is shared by all pages. */
export const maxTemplates = 50;
export const maxNameLength = 60;

export type Templates = ReadonlyMap<string, Template>;

type Storage = Pick<globalThis.Storage, 'getItem' | 'setItem'>;

/** Those of another version keep what is known of them; what cannot be read is left out. */
export function loadTemplates(storage: Storage): Templates {
  try {
    const kept: unknown = JSON.parse(storage.getItem(storageKey) ?? '{}');
    if (typeof kept !== 'object' || kept === null) return new Map();
    return new Map(
      Object.entries(kept)
        .slice(0, maxTemplates)
        .map(([name, value]) => [name, readTemplate(value)]),
    );
  } catch {
    return new Map();
  }
}

/** @throws when the browser keeps nothing: private windows, or no room */
export function saveTemplates(templates: Templates, storage: Storage): void {
  storage.setItem(storageKey, JSON.stringify(Object.fromEntries(templates)));
}

function readTemplate(value: unknown): Template {
  const usual = templateOf(noValues);
  const given = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const fields = Object.entries(usual).map(([field, own]) => [field, isLike(given[field], own) ? given[field] : own]);
  return Object.fromEntries(fields) as Template;
}

function isLike(value: unknown, usual: unknown): boolean {
  if (Array.isArray(usual)) return Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (typeof usual === 'object') {
    return (
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((item) => typeof item === 'string')
    );
  }
  return typeof value === typeof usual;
}
