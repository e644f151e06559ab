import { describe, expect, it } from 'vitest';
import type { FleetNode } from '../../contract/fleet.ts';
import { meshView } from '../fleet/mesh-view.ts';
import type { MeshColours } from './colours.ts';
import { dotFromMesh, svgFromMesh } from './export.ts';

const colours: MeshColours = {
  state: { ok: '#00ff00', busy: '#0000ff', warn: '#ffff00', bad: '#ff0000', lost: '#808080' },
  link: '#cccccc',
  newLink: '#0000ff',
  lostLink: '#ff0000',
  cut: '#ffff00',
  accent: '#0000ff',
  text: '#000000',
  quietText: '#444444',
  onFill: '#ffffff',
  surface: '#ffffff',
  line: '#dddddd',
};

function node(id: string, name: string, change: Partial<FleetNode> = {}): [string, FleetNode] {
  const facts: FleetNode = {
    Id: id,
    Name: name,
    Addresses: [],
    State: 'member',
    Head: false,
    Degree: 1,
    Cluster: 'c',
    AsOf: 0,
    LostAt: null,
    ...change,
  };
  return [id, facts];
}

const mesh = meshView(
  {
    nodes: new Map([
      node('a', 'node1', { Head: true }),
      node('b', '<b>"node2"</b>\n'),
      node('c', 'node3', { State: 'absent', LostAt: 1 }),
    ]),
    links: new Map([['a b', { A: 'a', B: 'b', State: 'half', Cluster: 'c', Since: 0 }]]),
    hosts: new Map(),
    bridges: new Map(),
  },
  {
    Id: 'c',
    Context: 'john',
    Engine: 'meshd',
    State: 'live',
    AttachedTo: '',
    RoundTripMs: null,
    AsOf: 0,
    Reason: '',
  },
);

describe('dotFromMesh', () => {
  it('quotes what nodes call themselves', () => {
    expect(dotFromMesh(mesh)).toBe(
      [
        'graph mesh {',
        '  "<b>\\"node2\\"</b> " [shape=ellipse];',
        '  "node1" [shape=box];',
        '  "node3" [shape=ellipse, style=dashed];',
        '  "node1" -- "<b>\\"node2\\"</b> " [style=dashed];',
        '}',
        '',
      ].join('\n'),
    );
  });
});

describe('svgFromMesh', () => {
  it('draws what has a place, with markup in names made harmless', () => {
    const places = new Map([
      ['a', { x: 0, y: 0 }],
      ['b', { x: 2, y: 1 }],
    ]);
    const svg = svgFromMesh(mesh, places, { colours, now: 0, title: 'john' });
    expect(svg).toContain('width="1280" height="680"');
    expect(svg).toContain('<line x1="40" y1="640" x2="1240" y2="40" stroke-dasharray="5 4"/>');
    expect(svg).toContain('<rect x="');
    expect(svg).not.toContain('<b>');
    expect(svg).toContain('&#60;b&#62;');
    expect(svg).not.toContain('node3');
  });

  it('is a drawing even of nothing', () => {
    expect(svgFromMesh(mesh, new Map(), { colours, now: 0, title: 'x' })).toContain('width="80" height="80"');
  });
});
