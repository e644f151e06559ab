// `npm run check:words`: no overused word (words.ts) in shell scripts and Markdown, comments, messages and text alike.
// The code's strings and comments are ESLint's part (rule.ts).
import { readFileSync } from 'node:fs';
import { localRunner } from '../../host/runner.ts';
import { findOverusedWords } from './words.ts';

const { stdout } = await localRunner.run(['git', 'ls-files', '-z', '--', '*.md', '*.sh']);
let count = 0;
for (const file of stdout.split('\0')) {
  if (file === '') continue;
  // One space for a line break with its indent and comment marker: a phrase may break across lines.
  let line = 1;
  const lineOf: number[] = [];
  let flat = '';
  for (const part of readFileSync(file, 'utf8').split('\n')) {
    const text = `${part.trim().replace(/^#+ /, '')} `;
    flat += text;
    for (let index = 0; index < text.length; index++) lineOf.push(line);
    line++;
  }
  for (const { text, instead, index } of findOverusedWords(flat)) {
    console.error(`${file}:${lineOf[index] ?? 0}: plain English: not "${text}". Write ${instead}.`);
    count++;
  }
}
process.exit(count === 0 ? 0 : 1);
