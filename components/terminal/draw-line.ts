// Prompt and line as terminal output. A line that is longer than the terminal is wide wraps; the cursor goes where it
// belongs, and what was drawn before is erased first.
import { displayWidth } from './safe-text.ts';

export interface Drawn {
  /** What to write to the terminal. */
  readonly output: string;
  /** Row of the cursor below the prompt's first row, for the next drawing. */
  readonly cursorRow: number;
}

export interface DrawOptions {
  /** Visible text of the prompt. */
  readonly prompt: string;
  /** The prompt with its colours. */
  readonly colouredPrompt: string;
  readonly text: string;
  readonly cursor: number;
  readonly columns: number;
  /** `cursorRow` of the drawing before; 0 on a fresh row. */
  readonly previousRow: number;
}

export function drawLine(options: DrawOptions): Drawn {
  const { prompt, colouredPrompt, text, cursor, columns, previousRow } = options;
  const promptWidth = displayWidth(prompt);
  const end = promptWidth + displayWidth(text);
  const at = promptWidth + displayWidth(text.slice(0, cursor));
  const endRow = Math.floor(end / columns);
  const cursorRow = Math.floor(at / columns);
  const cursorColumn = at % columns;
  const parts = [moveUp(previousRow), '\r\u001b[J', colouredPrompt, text];
  // A row that is exactly full leaves the cursor at its end, not on the next row: push it there.
  if (end > 0 && end % columns === 0) parts.push('\r\n');
  parts.push(moveUp(endRow - cursorRow), '\r', cursorColumn > 0 ? `\u001b[${cursorColumn}C` : '');
  return { output: parts.join(''), cursorRow };
}

function moveUp(rows: number): string {
  return rows > 0 ? `\u001b[${rows}A` : '';
}

/** Words side by side, as wide as the terminal takes them, for what Tab found. */
export function inColumns(words: readonly string[], columns: number): string {
  const width = Math.max(...words.map(displayWidth), 1) + 2;
  const perRow = Math.max(1, Math.floor(columns / width));
  const rows: string[] = [];
  for (let at = 0; at < words.length; at += perRow) {
    const row = words.slice(at, at + perRow);
    rows.push(
      row.map((word, i) => (i === row.length - 1 ? word : word + ' '.repeat(width - displayWidth(word)))).join(''),
    );
  }
  return rows.join('\n');
}
