import { describe, expect, it } from 'vitest';
import type { FleetNode } from '../../contract/fleet.ts';
import { paletteEntries } from './palette-items.ts';
import { addedNodes } from '../fleet/added-nodes.ts';
import { someLine } from '../vms/vms-for-tests.ts';
import { maxItems, rankItems } from './rank-items.ts';

function node(Name: string, State: FleetNode['State'] = 'member'): FleetNode {
  return {
    Id: `id-${Name}`,
    Name,
    Addresses: ['10.0.0.7'],
    State,
    Head: false,
    Degree: 3,
    Cluster: 'c',
    AsOf: 0,
    LostAt: null,
  };
}

const pages = [
  { path: '/', label: 'Overview' },
  { path: '/nodes', label: 'Nodes' },
];
const entries = paletteEntries(
  pages,
  ['node10', 'node2', 'node1'].map((name) => node(name)),
  { added: [], role: 'admin' },
);
const labels = (typed: string) => rankItems(entries, typed).map(({ label }) => label);

describe('the palette', () => {
  it('offers actions and pages before anything is typed', () => {
    expect(labels('')).toContain('Deploy');
    expect(labels('')).not.toContain('node1');
  });

  it('puts the very name before names that begin with it', () => {
    expect(labels('node1').slice(0, 2)).toEqual(['node1', 'node1 terminal']);
    expect(labels('node1')).toContain('node10');
    expect(labels('node1')).not.toContain('node2');
  });

  it('finds by other words, by several words, and by letters in order', () => {
    expect(labels('password')).toEqual(['Account', 'Add nodes', 'Open root login']);
    expect(labels('node2 term')).toEqual(['node2 terminal']);
    expect(labels('dpl')).toContain('Deploy');
    expect(labels('10.0.0.7')).toHaveLength(3);
    expect(labels('nothing at all')).toEqual([]);
  });

  it.each([
    ['viewer', ['Account']],
    ['operator', ['Launch VMs', 'Account', 'Probe VLANs', 'Trace a path between two VMs']],
  ] as const)('offers nothing to a %s that only an admin may begin', (role, actions) => {
    const offered = paletteEntries(pages, [], { added: [], role }).filter(({ kind }) => kind === 'action');
    expect(offered.map(({ label }) => label)).toEqual(actions);
  });

  it('goes to a VLAN by its name, its number or its namespace', () => {
    const vlan = (Vlan: number, Namespace: string, Alias: string) => ({
      ...{ Vlan, Namespace, Alias, Owner: '', Pinned: false, Split: false, Clash: false, Cluster: 'c', AsOf: 0 },
    });
    const vlans = [vlan(150, '', ''), vlan(102, 'exp', 'lan10'), vlan(101, 'minimega', 'lan')];
    const of = (typed: string) => rankItems(paletteEntries(pages, [], { added: [], role: 'viewer', vlans }), typed);
    expect(of('lan').map(({ label }) => label)).toEqual(['VLAN lan (101)', 'VLAN lan10 (102)', 'VLAN 150']);
    expect(of('vlan 102').map(({ label }) => label)).toEqual(['VLAN lan10 (102)']);
    expect(of('lan 101 mini').map(({ label, hint, path }) => [label, hint, path])).toEqual([
      ['VLAN lan (101)', 'minimega', '/vlans?vlan=101%2Cminimega%2F%2Flan'],
    ]);
    expect(of('exp lan10').map(({ label }) => label)).toEqual(['VLAN lan10 (102)']);
    expect(of('150').map(({ path }) => path)).toEqual(['/vlans?vlan=150']);
    expect(of('').map(({ kind }) => kind)).not.toContain('vlan');
  });

  it('shows no more than can be read', () => {
    const many = paletteEntries(
      [],
      Array.from({ length: 1_000 }, (_, at) => node(`node${at}`)),
      { added: [], role: 'admin' },
    );
    expect(rankItems(many, 'node')).toHaveLength(maxItems);
  });

  it('says what a node is', () => {
    const [entry] = paletteEntries([], [node('a/b', 'absent')], { added: [], role: 'admin' }).filter(
      ({ kind }) => kind === 'node',
    );
    expect(entry).toMatchObject({ hint: 'lost · 10.0.0.7', path: '/nodes/a%2Fb' });
  });

  it('finds a VM by name, node, namespace and state, and offers what the selected one can take', () => {
    const web = someLine('web1', { State: 'RUNNING', Id: 7 }, 'node2');
    const of = (role: 'viewer' | 'operator') => paletteEntries([], [], { added: [], role, vms: [web], selected: web });
    expect(rankItems(of('viewer'), 'web1 lab')).toMatchObject([
      { kind: 'vm', hint: 'running · node2 · lab', path: '/vms/node2/7' },
    ]);
    const offered = rankItems(of('operator'), '').flatMap(({ verb, label }) => (verb ? [label] : []));
    expect(offered).toEqual([
      'Stop web1',
      'Shut down web1',
      'Reboot web1',
      'Kill web1',
      'Save web1',
      'Tag web1',
      'Connect web1',
      'Disconnect web1',
    ]);
    expect(rankItems(of('viewer'), '').filter(({ verb }) => verb)).toEqual([]);
  });

  it('has the page of a node that runs no meshd, and no terminal of it', () => {
    const known = {
      id: 'h1',
      name: 'node7',
      addresses: ['10.0.0.9'],
      user: 'root',
      cluster: '',
      addedAt: 1,
      bridge: null,
      port: 22,
      checkedAt: null,
      missing: [],
    };
    const found = paletteEntries([], [], { added: addedNodes([known], []), role: 'admin' });
    expect(found.filter(({ kind }) => kind === 'node')).toMatchObject([
      { label: 'node7', hint: 'no meshd yet · 10.0.0.9', path: '/nodes/node7' },
    ]);
  });
});
