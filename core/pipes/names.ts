// What a named pipe may be called. A pipe belongs to a namespace: `exp1//events`, or `events` in the active one.
import { isNamespaceName, namespaceNameRule } from '../namespaces.ts';

export const pipeNameRule = '1 to 64 letters, digits, hyphens, underscores or dots';

export type PipeName = { readonly ok: true; readonly name: string } | { readonly ok: false; readonly message: string };

/** The whole name of a pipe that somebody named in a namespace. */
export function parsePipeName(text: string, namespace: string): PipeName {
  const at = text.indexOf('//');
  const [space, pipe] = at < 0 ? [namespace, text] : [text.slice(0, at), text.slice(at + 2)];
  if (!isNamespaceName(space))
    return { ok: false, message: `invalid namespace name \`${space.slice(0, 80)}\`: ${namespaceNameRule}` };
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(pipe))
    return { ok: false, message: `invalid pipe name \`${pipe.slice(0, 80)}\`: ${pipeNameRule}` };
  return { ok: true, name: `${space}//${pipe}` };
}

/** Its namespace. */
export function namespaceOf(name: string): string {
  return name.slice(0, name.indexOf('//'));
}

/** As it is shown in a namespace. */
export function shownPipe(name: string, namespace: string): string {
  return name.startsWith(`${namespace}//`) ? name.slice(namespace.length + 2) : name;
}
