import { expect, test } from 'vitest';
import { inNamespace } from './in-namespace.ts';

test('a line names its namespace, unless that is the default one', () => {
  expect(inNamespace('lab', 'vm start web1')).toBe('namespace lab vm start web1');
  expect(inNamespace('minimega', 'vm start web1')).toBe('vm start web1');
  expect(inNamespace('', 'vlans')).toBe('vlans');
});
