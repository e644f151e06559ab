import fc from 'fast-check';
import { expect, test } from 'vitest';
import { localRunner } from '../runner.ts';
import { quoteArgv } from './quote.ts';

test('sh reads back any argv unchanged', async () => {
  const letters = ['a', ' ', '\t', '\n', ...Array.from('\'"\\$`!*?[]{}()<>|&;#~=%^-\u00e4\u20ac')];
  const word = fc.string({ unit: fc.constantFrom(...letters), maxLength: 12 });
  const argvs = fc.array(fc.array(word, { minLength: 1, maxLength: 4 }), { minLength: 100, maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(argvs, async (some) => {
      // Many argvs per shell: it prints each argument followed by a NUL, and a mark after each argv.
      const script = some.map((argv) => `printf '%s\\0' ${quoteArgv(argv)} END`).join('\n');
      const { stdout } = await localRunner.run(['sh', '-s'], { stdin: script });
      expect(stdout).toBe(some.map((argv) => [...argv, 'END', ''].join('\0')).join(''));
    }),
    { numRuns: 10 },
  );
});
