// What a DNS message asks and answers (RFC 1035), in a line: its question, and the first answers.
import { ip4At, ip6At, printable, type Bytes } from './bytes.ts';

const types: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  65: 'HTTPS',
  255: 'ANY',
};
const failures: readonly string[] = [
  '',
  'format error',
  'server failure',
  'no such name',
  'not implemented',
  'refused',
];

const maxNameCharacters = 120;
/** Labels of a name, and jumps within it: each goes backwards, so none is in a circle. */
const maxLabels = 128;
const shownAnswers = 3;

export function describeDns(bytes: Bytes): string {
  const flags = bytes.u16(2);
  const [questions, answers] = [bytes.u16(4), bytes.u16(6)];
  const isAnswer = (flags & 0x8000) !== 0;
  const failure = failures[flags & 0x0f] ?? `error ${flags & 0x0f}`;
  if (questions === 0 && answers === 0) return isAnswer ? `answer ${failure}`.trim() : 'query';
  let at = 12;
  let asked = '';
  if (questions > 0) {
    const name = readName(bytes, at);
    asked = `${typeName(bytes.u16(name.end))} ${name.text}`;
    at = name.end + 4;
  }
  if (!isAnswer) return `query ${asked}`;
  const found: string[] = [];
  for (let count = 0; count < Math.min(answers, shownAnswers) && questions <= 1; count += 1) {
    const record = readRecord(bytes, at);
    found.push(record.text);
    at = record.end;
  }
  const more = answers > found.length ? `, ${answers - found.length} more` : '';
  return [`answer ${asked}`.trim(), failure, found.join(', ') + more].filter(Boolean).join(': ');
}

const typeName = (type: number) => types[type] ?? `type ${type}`;

function readRecord(bytes: Bytes, start: number): { readonly text: string; readonly end: number } {
  const name = readName(bytes, start);
  const type = bytes.u16(name.end);
  const length = bytes.u16(name.end + 8);
  const at = name.end + 10;
  const end = at + length;
  if (type === 1 && length === 4) return { text: ip4At(bytes, at), end };
  if (type === 28 && length === 16) return { text: ip6At(bytes, at), end };
  if (type === 5 || type === 12 || type === 2) return { text: `${typeName(type)} ${readName(bytes, at).text}`, end };
  return { text: typeName(type), end };
}

function readName(bytes: Bytes, start: number): { readonly text: string; readonly end: number } {
  let text = '';
  let at = start;
  let end = -1;
  let lowest = start;
  for (let count = 0; count < maxLabels; count += 1) {
    const length = bytes.u8(at);
    if (length >= 0xc0) {
      const target = bytes.u16(at) & 0x3fff;
      if (end < 0) end = at + 2;
      if (target >= lowest) return { text: `${text}…`, end };
      lowest = target;
      at = target;
      continue;
    }
    if (length === 0) return { text: text === '' ? '.' : text, end: end < 0 ? at + 1 : end };
    const label = printable(bytes.from(at + 1, length).data, 63);
    if (text.length < maxNameCharacters) text += `${text === '' ? '' : '.'}${label}`;
    at += 1 + length;
  }
  return { text: `${text}…`, end: end < 0 ? at : end };
}
