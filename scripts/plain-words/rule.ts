// The ESLint rule `meshdeck/plain-words`: no overused word (words.ts) in a string, a template, JSX text or a comment.
import type { Rule, SourceCode } from 'eslint';
import { findOverusedWords } from './words.ts';

type Comment = ReturnType<SourceCode['getAllComments']>[number];

/**
 * Joins line comments that stand on neighbouring lines: a phrase often breaks across two of them. The marker between
 * them is replaced by spaces, so that places in the joined text are places in the file.
 */
function commentBlocks(comments: readonly Comment[], source: string): { text: string; start: number }[] {
  const blocks: { text: string; start: number; end: number; isLine: boolean }[] = [];
  for (const { type, range } of comments) {
    if (range === undefined) continue;
    const [start, end] = range;
    const last = blocks.at(-1);
    const text = source.slice(start, end).replace(/^\/\//, '  ');
    const between = last === undefined ? 'x' : source.slice(last.end, start);
    if (last !== undefined && last.isLine && type === 'Line' && /^\r?\n[ \t]*$/.test(between)) {
      last.text += between + text;
      last.end = end;
    } else
      blocks.push({
        text: type === 'Block' ? text.replace(/\n[ \t]*\*/g, (mark) => ' '.repeat(mark.length)) : text,
        start,
        end,
        isLine: type === 'Line',
      });
  }
  return blocks;
}

export const plainWords: Rule.RuleModule = {
  meta: { type: 'suggestion', schema: [], messages: { overused: 'Plain English: not "{{text}}". Write {{instead}}.' } },
  create(context) {
    const { sourceCode } = context;
    const report = (text: string, start: number) => {
      // Runs of spaces (an indented second line) would hide a phrase: each run counts as one space.
      const places: number[] = [];
      let flat = '';
      for (let index = 0; index < text.length; index++) {
        const isSpace = /\s/.test(text.charAt(index));
        if (isSpace && flat.endsWith(' ')) continue;
        flat += isSpace ? ' ' : text.charAt(index);
        places.push(index);
      }
      for (const { text: found, instead, index } of findOverusedWords(flat)) {
        const loc = sourceCode.getLocFromIndex(start + (places[index] ?? 0));
        context.report({ loc, messageId: 'overused', data: { text: found, instead } });
      }
    };
    const node = (part: { range?: [number, number] | undefined }) => {
      if (part.range !== undefined) report(sourceCode.text.slice(...part.range), part.range[0]);
    };
    return {
      Program() {
        for (const { text, start } of commentBlocks(sourceCode.getAllComments(), sourceCode.text)) report(text, start);
      },
      Literal(literal) {
        if (typeof literal.value === 'string') node(literal);
      },
      TemplateElement: node,
      JSXText: node,
    };
  },
};
