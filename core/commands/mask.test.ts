import { describe, expect, it } from 'vitest';
import { maskLine, maskText } from './mask.ts';

describe('a command line that others read', () => {
  it.each([
    ['.env PASSWORD hunter22', '.env PASSWORD ••••••'],
    ['.e PASSWORD "hunter22 and more" # why', '.e PASSWORD ••••••'],
    [`".env" PASSWORD hunter22`, `".env" PASSWORD ••••••`],
    [`.e'n'v PASSWORD hunter22`, `.e'n'v PASSWORD ••••••`],
    ['  .env\tPASSWORD\thunter22', '  .env\tPASSWORD\t••••••'],
    ['.record true .csv true .env PASSWORD hunter22', '.record true .csv true .env PASSWORD ••••••'],
    ['namespace foo .env PASSWORD hunter22', 'namespace foo .env PASSWORD ••••••'],
    ['mesh send all .env PASSWORD hunter22', 'mesh send all .env PASSWORD ••••••'],
    ['.env PASSWORD=hunter22', '.env PASSWORD=••••••'],
    ['.alias pw=.env PASSWORD hunter22', '.alias pw=.env PASSWORD ••••••'],
    // Nothing of this table: as a node of another version would read it.
    ['.env PASSWORD hunter22 more', '.env PASSWORD ••••••'],
    ['later .env PASSWORD hunter22', 'later .env PASSWORD ••••••'],
    ['.env PASSWORD "hunter22', '.env PASSWORD ••••••'],
    ['.env PASSWORD=hunter22 more', '.env PASSWORD=••••••'],
  ])('has no value of a variable: %s', (line, masked) => {
    expect(maskLine(line)).toBe(masked);
  });

  it.each([
    '.env',
    '.env NAME',
    'mesh status',
    'echo $PASSWORD',
    // `.env` as a word of something else hides nothing of what runs.
    '.filter .env mesh dial node9',
    '.columns .env mesh dial node9',
    'echo .env is a command',
    '# .env is a command',
  ])('is as it was typed: %s', (line) => {
    expect(maskLine(line)).toBe(line);
  });

  it('a message that quotes it has none either', () => {
    expect(maskText('invalid command: `.env PASSWORD hunter22 more`')).toBe('invalid command: `.env PASSWORD ••••••');
    expect(maskText('invalid command: `mesh status now`')).toBe('invalid command: `mesh status now`');
  });
});
