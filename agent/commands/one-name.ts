import { AppError } from '../../contract/errors.ts';
import { findRangeIssue } from '../../core/ranges/parse-range.ts';

/** The name of one node, for commands that take no range. @throws AppError `invalid` that says what to write */
export function oneName(text: string): string {
  const issue = findRangeIssue(text);
  if (issue !== null) throw new AppError('invalid', issue);
  return text;
}
