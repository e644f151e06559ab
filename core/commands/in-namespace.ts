// Lines that mean a namespace's VMs, aliases or hosts. Pure.
import { defaultNamespace } from '../namespaces.ts';
import { quoteWord } from './tokens.ts';

/** `line` in this namespace; the default one, or an empty name, needs no words. */
export function inNamespace(namespace: string, line: string): string {
  return namespace === defaultNamespace || namespace === '' ? line : `namespace ${quoteWord(namespace)} ${line}`;
}
