import { describe, expect, test } from 'vitest';
import { treeFromProgramPath } from './tree.ts';

describe('treeFromProgramPath', () => {
  test('an installed program knows its tree and hash', () => {
    expect(treeFromProgramPath('/opt/meshd/program/0123456789abcdef/meshd.mjs')).toEqual({
      tree: '/opt/meshd',
      programHash: '0123456789abcdef',
    });
  });

  test('a program that runs from source has none', () => {
    expect(treeFromProgramPath('/home/john/meshdeck/agent/main.ts')).toBeNull();
    expect(treeFromProgramPath('/opt/meshd/current/meshd.mjs')).toBeNull();
  });
});
