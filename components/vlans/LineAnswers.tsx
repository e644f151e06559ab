// What the nodes answered to the lines of an edit: each node's own words.
import type { ReactElement } from 'react';
import { safeText } from '../../core/safe-text.ts';
import { StateMark } from '../ui/StateMark.tsx';
import { isFailed, type LineAnswer } from './use-lines.ts';

export function LineAnswers({ answers }: { answers: readonly LineAnswer[] }): ReactElement {
  return (
    <ul aria-live="polite" className={answers.length === 0 ? '' : 'flex flex-col gap-2 border-t pt-3'}>
      {answers.map((answer, index) => (
        <li key={index} className="text-sm">
          <StateMark state={isFailed(answer) ? 'bad' : 'ok'}>
            <code className="font-mono break-all">{safeText(answer.line)}</code>
          </StateMark>
          {answer.entries.map((entry, at) => {
            const text = textOf(entry);
            return text === '' ? null : (
              <p key={at} className="pl-4.5 break-words whitespace-pre-wrap text-fg-2">
                <span className="font-mono">{safeText(entry.Host)}</span>: {safeText(text)}
              </p>
            );
          })}
          {answer.error === '' ? null : <p className="pl-4.5 break-words text-bad">{safeText(answer.error)}</p>}
        </li>
      ))}
    </ul>
  );
}

/** What a node said, as one text; empty when it said no more than that it is done. */
export function textOf({ Error: error, Response: response, Header, Tabular }: LineAnswer['entries'][number]): string {
  if (error !== '') return error;
  if (Tabular === null) return response;
  return [Header ?? [], ...Tabular].map((row) => row.join('  ')).join('\n');
}
