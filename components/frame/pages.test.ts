import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isOnPage, pages, partsBelow, wizardTitle } from './pages.ts';

const root = join(import.meta.dirname, '../..');

function placeOf(path: string): { label: string; wizard: string | undefined; parts: string[] } | null {
  const page = pages.find((candidate) => isOnPage(path, candidate));
  return page ? { label: page.label, wizard: wizardTitle(path, page), parts: partsBelow(path, page) } : null;
}

describe('where a path is', () => {
  test('a wizard shows its title, a node its name, also an odd one', () => {
    expect(placeOf('/add-nodes')).toEqual({ label: 'Nodes', wizard: 'Add nodes', parts: [] });
    expect(placeOf('/bridge/remove')).toEqual({ label: 'Nodes', wizard: 'Take the bridge away', parts: [] });
    expect(placeOf('/nodes/bridge')).toEqual({ label: 'Nodes', wizard: undefined, parts: ['bridge'] });
    expect(placeOf('/')).toEqual({ label: 'Overview', wizard: undefined, parts: [] });
    expect(placeOf('/console/node2/web1')).toEqual({ label: 'Consoles', wizard: undefined, parts: ['node2', 'web1'] });
    expect(placeOf('/consoles')).toEqual({ label: 'Consoles', wizard: undefined, parts: [] });
    expect(placeOf('/launch')).toEqual({ label: 'VMs', wizard: 'Launch VMs', parts: [] });
    expect(placeOf('/nowhere')).toBeNull();
  });
  test('every wizard that is named is there', () => {
    const paths = pages.flatMap(({ wizards }) => Object.keys(wizards ?? {}));
    expect(paths.length).toBeGreaterThan(5);
    for (const path of paths) expect(existsSync(join(root, 'app/(console)', path, 'page.tsx')), path).toBe(true);
  });
});
