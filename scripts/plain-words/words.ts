// Words and constructions that are not plain English or were used so often here that readers stumble over them. Checked
// in strings and comments of the code (rule.ts, by ESLint) and in whole shell and Markdown files (check.ts). Owns the list
// only. When a sentence needs one of them, the sentence reads better rewritten: actor first, the usual word.

interface OverusedWord {
  readonly pattern: RegExp;
  /** What to write instead. */
  readonly instead: string;
}

export interface FoundWord {
  readonly text: string;
  readonly instead: string;
  readonly index: number;
}

const be = '(?:is|are|was|were|be|been|being)';
const word = (pattern: string, instead: string): OverusedWord => ({
  pattern: new RegExp(`\\b(?:${pattern})\\b`, 'gi'),
  instead,
});

export const overusedWords: readonly OverusedWord[] = [
  word('any more', '"no longer", or "again"'),
  word('who(?:m|so)?ever', '"anyone who", or name the person or program'),
  word('anew', '"again", or "from the start"'),
  word('(?:go|goes|going|went|gone) on(?! (?:the|a|an|top)\\b)', '"continue", or "happen"'),
  word(`${be} told`, 'the actor first: "meshd tells …", "the page shows …"'),
  word(`${be} had`, '"is available", or "there is"'),
  word('to be had', '"available"'),
  word('by (?:itself|themselves)', '"automatically", "on its own", or nothing'),
  word("(?:no|every|any)body's own", '"each user’s …"'),
  word('what there is', '"what exists", or name it'),
  word('(?:go|goes|going|went) by', '"follow", "use", or "depend on"'),
  word('of late', '"recently"'),
  word(`${be} none`, '"there is no …", or "is not a …"'),
  word('the same again', 'name what is repeated'),
  word('(?:hear|hears|heard|hearing) of', '"learn of", "be notified of", or "receive"'),
  word('(?:tell|tells|told|telling) of', '"report", or "show"'),
  word('once more', '"again"'),
  word('lest', '"so that … not"'),
  word('till', '"until"'),
  word('hence|thus|thereby|whereby|wherein|whereof|thereof|therein|herein|henceforth', '"so", or a new sentence'),
  word('for good', '"permanently"'),
  word(`(?<!there )${be} no (?!longer|more|less|fewer|later|earlier|such)`, '"is not a …"'),
  word('way back', '"rollback", or "undo"'),
  word('(?:put|puts|set|sets|putting|setting) (?:it|them|this|that|things) right', '"fix"'),
  word('(?:come|comes|came) to life', '"is created", or "starts"'),
  word('(?:set|sets|setting) (?:\\w+ ){1,3}going', '"start"'),
  word('hand it over(?! to)', '"give it to …"'),
  word('without a verdict', '"unless confirmed"'),
  word('(?:pass|passes|passed) over', '"ignore", or "skip"'),
  word(`${be} to be(?! had)`, '"must", "should", or "will"'),
  word('of (?:its|their|our|his|your|my|one’s) own', 'the owner first: "its own socket", not "a socket of its own"'),
  word('mend|mends|mended|mending', '"fix", or "repair"'),
  word('in vain', '"without success", or what happened'),
  word('nought|naught|aught', '"nothing"'),
  word('so as to', '"to"'),
  word('(?:let|lets) (?:it|them|him|her) be', '"leave … alone"'),
];

/** Every overused word in `text`, in the list's order. A line break within a phrase does not hide it. Linear in `text`. */
export function findOverusedWords(text: string): FoundWord[] {
  const flat = text.replace(/\s/g, ' ');
  return overusedWords.flatMap(({ pattern, instead }) =>
    [...flat.matchAll(pattern)].map((match) => ({ text: match[0], instead, index: match.index })),
  );
}
