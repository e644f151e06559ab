import { describe, expect, it } from 'vitest';
import { nodePackages } from '../core/plans/nodes/preflight.ts';
import {
  describeImageBuild,
  describeNodeRecipe,
  nodeRecipe,
  nodeRecipes,
  recipeKey,
  sourcesOfSuite,
} from './recipe.ts';

describe('recipe key', () => {
  it('follows the ingredients, not their order in the object', () => {
    expect(recipeKey('node', { a: 1, b: 2 })).toBe(recipeKey('node', { b: 2, a: 1 }));
    expect(recipeKey('node', { ...nodeRecipe, packages: [...nodeRecipe.packages, 'zsh'] })).not.toBe(
      recipeKey('node', nodeRecipe),
    );
    expect(recipeKey('node', nodeRecipe)).toMatch(/^node-[0-9a-f]{12}$/);
  });
  it('differs from owner to owner of eth0', () => {
    const keys = Object.values(nodeRecipes).map((recipe) => recipeKey('node', recipe));
    expect(new Set(keys).size).toBe(4);
    // The guide's image is the one without additions.
    expect(keys[0]).toBe(recipeKey('node', nodeRecipe));
  });
  it('differs with packages beyond the owner’s, and not without', () => {
    const key = (...extra: string[]) => recipeKey('node', describeNodeRecipe('ifupdown', extra));
    expect(key('firewalld')).not.toBe(key());
    expect(key('firewalld', 'zsh')).toBe(key('zsh', 'firewalld', 'zsh'));
    expect(key('sudo')).toBe(recipeKey('node', nodeRecipe));
  });
});

describe('image build', () => {
  it('takes the sources it is given, and mmdebstrap’s own without', () => {
    const argv = describeImageBuild(nodeRecipe, '/cache/x.partial', '/tmp/sources.list');
    expect(argv.slice(-3)).toEqual(['bookworm', '/cache/x.partial', '/tmp/sources.list']);
    expect(describeImageBuild(nodeRecipe, '/cache/x.partial', null).at(-1)).toBe('/cache/x.partial');
    const include = argv.find((argument) => argument.startsWith('--include='));
    for (const name of ['openssh-server', 'openvswitch-switch', 'qemu-system-x86']) expect(include).toContain(name);
    // A node that has what Debian does not bring would hide what a deploy must bring along.
    expect(include).not.toContain('zstd');
  });
  it('has all that the console would install, since a lab node reaches no mirror', () => {
    for (const recipe of Object.values(nodeRecipes))
      expect(recipe.packages).toEqual(expect.arrayContaining([...nodePackages]));
  });
  it('finds the suite among the host’s sources', () => {
    const targets = [
      'http://mirror.example/debian bookworm main',
      'http://mirror.example/debian bookworm main',
      'http://mirror.example/debian bookworm-updates main',
      'http://mirror.example/security bookworm-security main',
      'http://vendor.example/apt nodistro main',
      '',
    ];
    expect(sourcesOfSuite(targets.join('\n'), 'bookworm')).toBe(
      'deb http://mirror.example/debian bookworm main\n' +
        'deb http://mirror.example/debian bookworm-updates main\n' +
        'deb http://mirror.example/security bookworm-security main\n',
    );
    expect(sourcesOfSuite('http://mirror.example/ubuntu noble main\n', 'bookworm')).toBeNull();
    expect(sourcesOfSuite('http://mirror.example/debian bookworm-updates main\n', 'bookworm')).toBeNull();
  });
});
