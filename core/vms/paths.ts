// Paths of images as a configuration names them: always below -filepath, so that every node finds them at the same place
// and no configuration reads another file of the host. Pure text: symlinks are the host adapter's business (host/below.ts).
import { bad, clip, findTextIssue, good, type Result } from './result.ts';

/**
 * Absolute path of a file below `filesPath` (absolute, without a slash at its end). A relative one gets `filesPath` in front, as in
 * minimega [facts 5.6]; minimega also takes paths outside, which meshd refuses (design 6). Empty text stays empty: no file.
 */
export function parseFilePath(text: string, filesPath: string): Result<string> {
  if (text === '') return good('');
  const issue = findTextIssue(text);
  if (issue !== null) return bad(issue);
  const segments = (text.startsWith('/') ? text : `${filesPath}/${text}`).split('/').filter((part) => part !== '');
  const usable = segments.filter((part) => part !== '.');
  const path = `/${usable.join('/')}`;
  if (usable.includes('..') || !path.startsWith(`${filesPath}/`)) {
    return bad(
      `\`${clip(text)}\` is not below ${filesPath}: copy the file there, and name it by its path below that folder`,
    );
  }
  return good(path);
}
