// The terminal as a state machine: keys and answers in, drawing and calls out. Lines run one after the other, also those
// of a multi-line paste; Ctrl-C cancels the running command and drops what waits behind it. Nothing here waits or draws.
//
//   prompt --Enter--> running --ended--> prompt          while running, what is typed waits in the line
import type { CommandResponse } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import type { Role } from '../../contract/roles.ts';
import { assertMayRun } from '../../core/commands/may-run.ts';
import { completeWith } from './completion.ts';
import { drawLine, inColumns } from './draw-line.ts';
import type { Key, KeyName } from './keys.ts';
import { emptyLine, insertText, type Line, pressKey, replaceBefore, searchHistory, submitLine } from './line-editor.ts';
import { safeText } from '../../core/safe-text.ts';
import { meshdLanguage, type Language } from './language.ts';
import { coloured } from './safe-text.ts';

export interface Session {
  readonly node: string;
  /** Who types: a line that this role may not run is refused here, and goes nowhere. */
  readonly role: Role;
  readonly language: Language;
  readonly columns: number;
  readonly line: Line;
  /** Lines that wait for the running one. */
  readonly queue: readonly string[];
  readonly isRunning: boolean;
  /** Row of the cursor below the prompt's first row, as drawn last. */
  readonly cursorRow: number;
  /** Keys that came while the answer to Tab is awaited: what is typed ahead applies to the completed line. */
  readonly held: readonly Key[] | null;
  readonly search: { readonly part: string; readonly at: number } | null;
  /** `quit` was typed once: the second one ends the daemon. */
  readonly isQuitAsked: boolean;
}

export type SessionEvent =
  | { readonly kind: 'open'; readonly greeting: string }
  | { readonly kind: 'key'; readonly key: Key }
  | { readonly kind: 'answer'; readonly answer: CommandResponse }
  /** The call is over; `error` is why it could not be run or was cut off, empty when it was answered. */
  | { readonly kind: 'ended'; readonly error: string; readonly isLost: boolean }
  | { readonly kind: 'suggested'; readonly text: string; readonly found: readonly string[] }
  | { readonly kind: 'resized'; readonly columns: number };

export type SessionEffect =
  | { readonly kind: 'write'; readonly output: string }
  | { readonly kind: 'clear' }
  | { readonly kind: 'run'; readonly line: string }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'suggest'; readonly text: string };

export interface Step {
  readonly session: Session;
  readonly effects: readonly SessionEffect[];
}

export function openSession(
  node: string,
  options: { role: Role; history: readonly string[]; columns: number; language?: Language },
): Session {
  return {
    node,
    role: options.role,
    language: options.language ?? meshdLanguage,
    columns: Math.max(2, options.columns),
    line: emptyLine(options.history),
    queue: [],
    isRunning: false,
    cursorRow: 0,
    held: null,
    search: null,
    isQuitAsked: false,
  };
}

export function stepSession(session: Session, event: SessionEvent): Step {
  switch (event.kind) {
    case 'open':
      return draw(session, [write(`\u001b[?2004h${event.greeting}`)]);
    case 'key':
      return onKey(session, event.key);
    case 'answer':
      return { session, effects: [write(answerText(event.answer))] };
    case 'ended':
      return onEnded(session, event);
    case 'suggested':
      return replayHeld(onSuggested({ ...session, held: null }, event), session.held ?? []);
    case 'resized': {
      const next = { ...session, columns: Math.max(2, event.columns) };
      // xterm wrapped the rows again, so where the prompt started is no longer known: start a fresh row.
      return session.isRunning ? { session: next, effects: [] } : draw({ ...next, cursorRow: 0 }, []);
    }
  }
}

function replayHeld(first: Step, keys: readonly Key[]): Step {
  return keys.reduce((step, key) => {
    const next = onKey(step.session, key);
    return { session: next.session, effects: [...step.effects, ...next.effects] };
  }, first);
}

function onKey(session: Session, key: Key): Step {
  if (session.held) {
    const isInterrupt = key.kind === 'key' && key.name === 'interrupt';
    if (!isInterrupt) return same({ ...session, held: [...session.held, key] });
    return onKey({ ...session, held: null }, key);
  }
  if (session.search) return onSearchKey(session, session.search, key);
  if (key.kind === 'text') return edited(session, insertText(session.line, key.text));
  if (key.kind === 'paste') return onPaste(session, key.text);
  switch (key.name) {
    case 'enter':
      return onEnter(session);
    case 'interrupt':
      return onInterrupt(session);
    case 'clear-screen':
      return session.isRunning ? same(session) : draw({ ...session, cursorRow: 0 }, [{ kind: 'clear' }]);
    case 'tab': {
      const text = session.line.text.slice(0, session.line.cursor);
      if (session.isRunning || text.trim() === '') return same(session);
      return { session: { ...session, held: [] }, effects: [{ kind: 'suggest', text }] };
    }
    case 'end-of-input':
      if (session.line.text !== '') return edited(session, pressKey(session.line, 'delete'));
      if (session.isRunning) return same(session);
      return draw({ ...session, cursorRow: 0 }, [write('\nThis page is the terminal: leave it to leave.\n')]);
    case 'search':
      if (session.isRunning) return same(session);
      return draw({ ...session, search: { part: '', at: session.line.history.length } }, []);
    default:
      return edited(session, pressKey(session.line, key.name));
  }
}

function onPaste(session: Session, text: string): Step {
  const [first = '', ...rest] = text.split('\n');
  let step = edited(session, insertText(session.line, first));
  const effects = [...step.effects];
  for (const line of rest) {
    step = onEnter(step.session);
    effects.push(...step.effects);
    if (line === '') continue;
    step = edited(step.session, insertText(step.session.line, line));
    effects.push(...step.effects);
  }
  return { session: step.session, effects };
}

function onEnter(session: Session): Step {
  const { text, line } = submitLine(session.line);
  if (session.isRunning) return same({ ...session, line, queue: [...session.queue, text] });
  const end = { ...session, line: { ...session.line, cursor: session.line.text.length } };
  const drawn = draw(end, []);
  return runNext({ ...drawn.session, line, queue: [text] }, [...drawn.effects, write('\n')], true);
}

/** Takes lines off the queue until one runs; none left: the prompt. */
function runNext(session: Session, before: readonly SessionEffect[], isEchoed = false): Step {
  const effects = [...before];
  let next: Session = { ...session, isRunning: false, cursorRow: 0 };
  let echoed = isEchoed;
  for (;;) {
    const [text, ...queue] = next.queue;
    if (text === undefined) return draw(next, effects);
    next = { ...next, queue };
    if (!echoed) effects.push(write(`${coloured(promptOf(next), 'green')}${safeText(text)}\n`));
    echoed = false;
    const said = judgeLine(next, text.trim());
    next = said.session;
    if (said.text !== null) {
      if (said.text !== '') effects.push(write(said.text));
      continue;
    }
    effects.push({ kind: 'run', line: text.trim() });
    return { session: { ...next, isRunning: true }, effects };
  }
}

/** What is answered here without the node; `text` null: it goes to the node. */
function judgeLine(session: Session, text: string): { session: Session; text: string | null } {
  if (text === '' || text.startsWith('#')) return { session, text: '' };
  if (text === 'disconnect') {
    return {
      session,
      text: 'There is nothing to disconnect: each line is sent on its own. Leave the page to leave.\n',
    };
  }
  const refusal = findRefusal(text, session);
  if (refusal !== '') return { session: { ...session, isQuitAsked: false }, text: `${coloured(refusal, 'red')}\n` };
  if (text === 'quit' && !session.isQuitAsked) {
    const warning = `\`quit\` ends the daemon of ${safeText(session.node)}. Type \`quit\` again to do that.\n`;
    return { session: { ...session, isQuitAsked: true }, text: warning };
  }
  return { session: { ...session, isQuitAsked: false }, text: null };
}

/** Empty: it may be run, or the node knows better what is wrong with it. */
function findRefusal(text: string, { role, language }: Pick<Session, 'role' | 'language'>): string {
  try {
    assertMayRun(language.table, text, role, language.describeMissing);
    return '';
  } catch (error) {
    return error instanceof AppError && error.code === 'refused' ? error.message : '';
  }
}

function onInterrupt(session: Session): Step {
  if (session.isRunning) {
    return { session: { ...session, queue: [] }, effects: [write('^C\n'), { kind: 'cancel' }] };
  }
  const end = draw({ ...session, line: { ...session.line, cursor: session.line.text.length } }, []);
  const line = emptyLine(session.line.history);
  return draw({ ...session, line, cursorRow: 0, isQuitAsked: false }, [...end.effects, write('^C\n')]);
}

function onEnded(session: Session, event: { error: string; isLost: boolean }): Step {
  if (!session.isRunning) return same(session);
  const effects = event.error === '' ? [] : [write(`${coloured(event.error, 'red')}\n`)];
  // Lines behind it were meant to follow it, not to run on a node that came back in between.
  const queue = event.isLost ? [] : session.queue;
  return runNext({ ...session, queue }, effects);
}

function onSuggested(session: Session, event: { text: string; found: readonly string[] }): Step {
  const typed = session.line.text.slice(0, session.line.cursor);
  // An answer to what stood there before is worth nothing.
  if (session.isRunning || session.search || typed !== event.text) return same(session);
  const completion = completeWith(typed, event.found);
  switch (completion.do) {
    case 'nothing':
      return same(session);
    case 'replace':
      return edited(session, replaceBefore(session.line, completion.text));
    case 'list': {
      const words = safeText(inColumns(completion.words, session.columns));
      const end = draw({ ...session, line: { ...session.line, cursor: session.line.text.length } }, []);
      return draw({ ...session, cursorRow: 0 }, [...end.effects, write(`\n${words}\n`)]);
    }
  }
}

function onSearchKey(session: Session, search: { part: string; at: number }, key: Key): Step {
  const show = (part: string, before: number): Step => {
    const at = searchHistory(session.line.history, part, before);
    if (at === null) return draw({ ...session, search: { part, at: search.at } }, []);
    const text = session.line.history[at] ?? '';
    return draw({ ...session, search: { part, at }, line: { ...session.line, text, cursor: text.length } }, []);
  };
  const newest = session.line.history.length;
  if (key.kind === 'text') return show(search.part + key.text, newest);
  const done = { ...session, search: null };
  if (key.kind === 'paste') return onPaste(done, key.text);
  const keys: Partial<Record<KeyName, () => Step>> = {
    search: () => show(search.part, search.at),
    backspace: () => show(search.part.slice(0, -1), newest),
    interrupt: () => draw({ ...done, line: emptyLine(session.line.history) }, []),
    escape: () => draw(done, []),
  };
  return (keys[key.name] ?? (() => onKey(draw(done, []).session, key)))();
}

function edited(session: Session, line: Line): Step {
  const next = { ...session, line };
  return session.isRunning ? same(next) : draw(next, []);
}

function draw(session: Session, before: readonly SessionEffect[]): Step {
  const prompt = session.search ? `(search: ${session.search.part}) ` : promptOf(session);
  const { output, cursorRow } = drawLine({
    prompt: safeText(prompt),
    colouredPrompt: coloured(prompt, session.search ? 'blue' : 'green'),
    // What stands in the line was typed or pasted without control characters; suggestions come from a node.
    text: safeText(session.line.text),
    cursor: safeText(session.line.text.slice(0, session.line.cursor)).length,
    columns: session.columns,
    previousRow: session.cursorRow,
  });
  return { session: { ...session, cursorRow }, effects: [...before, write(output)] };
}

/** Rendered text, then one red line for each host that failed. */
export function answerText(answer: CommandResponse): string {
  if (answer.Status) return answer.Rendered === '' ? '' : `${coloured(answer.Rendered, 'grey')}\n`;
  const text = answer.Rendered === '' ? '' : `${safeText(answer.Rendered)}\n`;
  const errors = (answer.Resp ?? []).filter((entry) => entry.Error !== '');
  return text + errors.map((entry) => `${coloured(`Error (${entry.Host}): ${entry.Error}`, 'red')}\n`).join('');
}

function promptOf(session: Session): string {
  return `${session.node}$ `;
}

function write(output: string): SessionEffect {
  return { kind: 'write', output };
}

function same(session: Session): Step {
  return { session, effects: [] };
}
