// Inputs for the command socket: requests as clients send them, and what a broken or hostile client sends. The same random
// numbers give the same inputs, so a seed repeats a run. A dialogue is all that one connection sends.
//
// INVARIANT: no dialogue holds a command of `excludedCommands`, in whatever quotes or escapes: it reads each request as the
// daemon will, and drops the dialogue when one of them is named.
import { JsonSplitter } from '../../contract/json-stream.ts';
import { maxLineBytes, maxLineWords, maxRequestBytes } from '../../contract/limits.ts';
import { commandTable } from '../../core/commands/table.ts';
import type { Random } from '../console/random.ts';

/** Commands that fuzzed text must never run here; a word or an abbreviation of it anywhere in a line excludes the line. */
export const excludedCommands: readonly { readonly word: string; readonly inFull: boolean; readonly why: string }[] = [
  { word: 'deploy', inFull: false, why: 'it logs in to the machines of a range and installs meshd there' },
  { word: 'quit', inFull: true, why: 'it ends the daemon, as it should' },
  { word: 'dial', inFull: false, why: 'it calls whatever address the text names' },
  { word: 'dot', inFull: false, why: 'it writes a file, whose name is the text' },
  { word: 'revoke', inFull: false, why: 'it shuts a node out permanently' },
  { word: 'bridge', inFull: true, why: 'it starts programs that look at this machine, 40 s of them at load 40' },
  { word: 'ca', inFull: false, why: 'it moves or shows the key of the cluster' },
];

/** What a member may do to the mesh on purpose: excluded where the mesh itself is what is watched. */
export const linkCommands = ['degree', 'hangup'];

/** The words in full, and what abbreviates them. */
const excludedWords = new Set(
  excludedCommands.flatMap(({ word, inFull }) =>
    inFull ? [word] : Array.from(word, (_, at) => word.slice(0, at + 1)),
  ),
);

/**
 * Whether a line could run an excluded command. It looks at all words, since an alias or a wrapper may put any of them
 * first, with and without quotes and backslashes, and it errs towards yes.
 */
export function isExcluded(line: string, alsoExcluded: readonly string[] = []): boolean {
  const isWord = (text: string) =>
    text
      .toLowerCase()
      .split(/[^a-z]+/)
      .some((word) => excludedWords.has(word) || (word !== '' && alsoExcluded.some((other) => other.startsWith(word))));
  return isWord(line) || (/["'\\]/.test(line) && isWord(line.replaceAll(/["'\\]/g, '')));
}

const literals = [
  ...new Set(
    commandTable.flatMap(({ items }) =>
      items.flatMap((item) => (item.kind === 'literal' ? [item.text] : item.kind === 'choice' ? item.options : [])),
    ),
  ),
].filter((word) => word !== '' && !isExcluded(word));

const values = [
  'n0', 'n1', 'n[0-1]', 'all', 'true', 'false', '0', '3', '-1', '1e308', '0x10', '99999999999999999999', 'node[01-3]',
  'x', 'X', '$X', '$', '${X}', '""', "''", '"a b"', '#', '\\n', '\\', '"', "'", '[', ']', 'n[1-', 'n[0-999999999]', '..',
  'name=n0', 'name!~n', 'load~.', 'cpus,name', ',', '=', 'a=b', 'a=version', 'é', '日本', '\u202e', '\u0000', '\u001b[2J',
  '\ud800', '__proto__', 'constructor', 'toString', '10.0.0.10-20', '[fe80::1]', '-e', '--', '*',
] as const; // prettier-ignore

const strange = [
  '\u0000',
  '\u0007',
  '\u001b]0;x\u0007',
  '\u2028',
  '\ufeff',
  '\ud83d',
  '"',
  "'",
  '\\',
  '#',
  '$',
  '[',
  ' ',
  '\n',
];

function word(random: Random): string {
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2: {
      const text = random.of(literals);
      // Abbreviations are what the parser has to weigh.
      return random.below(4) === 0 ? text.slice(0, 1 + random.below(text.length)) : text;
    }
    case 3:
      return String.fromCodePoint(...Array.from({ length: 1 + random.below(6) }, () => 32 + random.below(0x2fff)));
    case 4:
      return `$${random.of(['X', 'x_1', '', '{X}', '1'])}`;
    default:
      return random.of(values);
  }
}

/** A command of the table with values for its places. */
function commandLine(random: Random): string {
  const { items } = random.of(commandTable);
  const words = items.flatMap((item) => {
    switch (item.kind) {
      case 'literal':
        return [item.text];
      case 'choice':
        return item.optional && random.below(2) === 0 ? [] : [random.of(item.options)];
      case 'string':
        return item.optional && random.below(2) === 0 ? [] : [word(random)];
      case 'list':
        return Array.from({ length: random.below(5) }, () => word(random));
      case 'nested':
        return [
          random.below(3) === 0 ? commandLine(random) : random.of(['version', 'mesh status', 'host', 'namespace']),
        ];
    }
  });
  return words.join(' ');
}

function mutateText(random: Random, text: string): string {
  let out = text;
  for (let turn = 1 + random.below(4); turn > 0; turn -= 1) {
    const at = random.below(out.length + 1);
    const piece = random.below(3) === 0 ? word(random) : random.of(strange);
    const kept = random.below(3);
    if (kept === 0) out = out.slice(0, at) + piece + out.slice(at);
    else if (kept === 1) out = out.slice(0, at) + out.slice(at + 1 + random.below(4));
    else out = out.slice(0, at) + piece.repeat(1 + random.below(3)) + out.slice(at + 1);
  }
  return out;
}

/** A line: as typed, damaged, or beyond what a person types. */
export function fuzzedLine(random: Random): string {
  const kind = random.below(100);
  if (kind < 40) return commandLine(random);
  if (kind < 75) return mutateText(random, commandLine(random));
  if (kind < 85) return Array.from({ length: 1 + random.below(30) }, () => word(random)).join(' ');
  if (kind < 90)
    return random.of(['. ', '.csv t ', '.json true ', 'n x ', 'mesh send n1 ']).repeat(random.below(60)) + 'version';
  if (kind < 94) return `echo ${'x'.repeat(random.below(20_000))}`;
  if (kind < 97) return `${random.of(literals)} `.repeat(maxLineWords - 2 + random.below(6));
  if (kind < 98) return `echo ${random.of(['x', 'é', '\u0000'])}`.padEnd(maxLineBytes - 4 + random.below(8), 'x');
  if (kind < 99) return `echo ${'n[0-9]'.repeat(random.below(300))}`;
  return `echo ${'"'.repeat(random.below(5_000))}${'\\\\'.repeat(random.below(5_000))}`;
}

function wrongValue(random: Random): string {
  return random.of([
    'null', 'true', '0', '-0', '1e999', '-1e-999', '9007199254740993', '[]', '{}', '""', '[[[[]]]]', '{"Command":"version"}',
    '"\\ud800"', '"\\u0000"', '["version"]', '123456789012345678901234567890',
  ]); // prettier-ignore
}

/** `isLast`: what ends a connection may come too, since nothing after it would be read. */
function requestText(random: Random, isLast: boolean): string {
  const kind = random.below(isLast ? 100 : 75);
  const line = () => JSON.stringify(fuzzedLine(random));
  if (kind < 55) return `{"Command":${line()}}`;
  if (kind < 70) return `{"Command":"","Suggest":${line()}}`;
  if (kind < 73) return `{"Hello":{"Product":${line()},"ProtocolMin":${random.below(3)},"Features":[]}}`;
  if (kind < 75) return '{"Cancel":true}';
  if (kind < 78) return '{"Watch":{}}';
  if (kind < 81) {
    const [node, service] = [
      random.of(['', 'n0', 'n1', 'x', 'n'.repeat(300)]),
      random.of(['echo', '', 'x'.repeat(65)]),
    ];
    return `{"Stream":{"Node":"${node}","Service":"${service}","Args":${wrongValue(random)}}}`;
  }
  if (kind < 88) {
    const key = random.of([
      'Command',
      'command',
      'Suggest',
      'HELLO',
      'Watch',
      'Cancel',
      '__proto__',
      'constructor',
      '',
    ]);
    return `{${JSON.stringify(key)}:${wrongValue(random)},${JSON.stringify(random.of(['Suggest', 'Command', 'x']))}:${wrongValue(random)}}`;
  }
  if (kind < 90) {
    const depth = 1 + random.below(20_000);
    return `{"Command":${'['.repeat(depth)}${']'.repeat(random.below(2) === 0 ? depth : depth - 1)}}`;
  }
  if (kind < 92) return '{"a":'.repeat(1 + random.below(5_000));
  if (kind < 94)
    return `{${Array.from({ length: random.below(300) }, (_, at) => `"k${at}":${wrongValue(random)}`).join(',')}}`;
  if (kind < 97)
    return random.of([
      '[]',
      'null',
      '1',
      '"x"',
      '}',
      ']',
      '{',
      '{"',
      '{]',
      '{"Command"}',
      '{,}',
      '\u0000',
      '\ufeff{}',
      '//',
    ]);
  // A few are as large as one request may be, and a little more.
  if (random.below(20) > 0) return `{"Command":${line()}`;
  return `{"Command":"echo ${'x'.repeat(maxRequestBytes - 30 + random.below(40))}"}`;
}

/** Bits and bytes changed, as a faulty client or a fuzzer of bytes would. */
function mutateBytes(random: Random, bytes: Uint8Array): Uint8Array {
  const out = Uint8Array.from(bytes);
  for (let turn = 1 + random.below(6); turn > 0 && out.length > 0; turn -= 1) {
    const at = random.below(out.length);
    out[at] = random.below(2) === 0 ? random.below(256) : (out[at] ?? 0) ^ (1 << random.below(8));
  }
  return random.below(4) === 0 ? out.subarray(0, random.below(out.length + 1)) : out;
}

const encoder = new TextEncoder();

function input(random: Random, isLast: boolean): Uint8Array {
  const bytes = encoder.encode(requestText(random, isLast) + random.of(['\n', '', ' ', '\r\n', '\n\n']));
  return isLast && random.below(3) === 0 ? mutateBytes(random, bytes) : bytes;
}

export interface Dialogue {
  /** What is written, one after the other; together they hold `inputs` inputs. */
  readonly writes: readonly Uint8Array[];
  readonly inputs: number;
  /** `end`: the client waits for its answers. `cut`: it goes away at once. `deaf`: it reads nothing, and goes away. */
  readonly ending: 'end' | 'cut' | 'deaf';
}

/** Every text in a JSON value, keys included. */
function textsIn(value: unknown): string[] {
  const texts: string[] = [];
  const left = [value];
  for (let next = left.pop(); left.length > 0 || next !== undefined; next = left.pop()) {
    if (typeof next === 'string') texts.push(next);
    else if (typeof next === 'object' && next !== null) {
      for (const [key, inner] of Object.entries(next)) left.push(key, inner ?? '');
    }
  }
  return texts;
}

/** Whether the daemon could read an excluded command from these bytes. */
export function holdsExcluded(writes: readonly Uint8Array[], alsoExcluded: readonly string[] = []): boolean {
  const splitter = new JsonSplitter(maxRequestBytes);
  return writes.some((bytes) =>
    splitter.push(bytes).texts.some((text) => {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return false;
      }
      return textsIn(value).some((each) => isExcluded(each, alsoExcluded));
    }),
  );
}

/** What one connection sends, with at most `most` inputs. */
export function createDialogue(random: Random, most = 20): Dialogue {
  for (;;) {
    const count = Math.min(most, 1 + random.below(random.below(3) === 0 ? 3 : 20));
    const inputs: Uint8Array[] = [];
    // One input that is excluded would take its whole dialogue with it.
    while (inputs.length < count) {
      const next = input(random, inputs.length === count - 1);
      if (!holdsExcluded([next])) inputs.push(next);
    }
    const all = Buffer.concat(inputs);
    const writes: Uint8Array[] = [];
    const isPieces = random.below(4) === 0;
    for (let at = 0, index = 0; at < all.length;) {
      // Several requests in one write, or one request in several.
      let length = 0;
      if (isPieces) length = 1 + random.below(Math.max(16, Math.ceil(all.length / 8)));
      else for (let run = 1 + random.below(4); run > 0; run -= 1) length += inputs[index++]?.length ?? 0;
      writes.push(all.subarray(at, at + length));
      at += length;
    }
    const isCut = random.below(8);
    if (isCut === 0 && writes.length > 0) {
      const last = writes.pop() ?? all;
      writes.push(last.subarray(0, random.below(last.length + 1)));
    }
    if (holdsExcluded(writes)) continue;
    return { writes, inputs: count, ending: isCut === 0 ? 'cut' : isCut === 1 ? 'deaf' : 'end' };
  }
}
