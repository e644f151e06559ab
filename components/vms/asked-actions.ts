// An action on the VM that a page shows, asked for from elsewhere on the page: the command palette.
import type { VmVerb } from './vm-commands.ts';

const eventName = 'meshdeck:vm-action';

interface Asked {
  /** Of the VM. */
  readonly key: string;
  readonly verb: VmVerb;
}

export function askForAction(asked: Asked): void {
  window.dispatchEvent(new CustomEvent<Asked>(eventName, { detail: asked }));
}

/** Calls `listener` at each action that is asked for on this VM; the function returned ends that. */
export function onActionAsked(key: string, listener: (verb: VmVerb) => void): () => void {
  const hear = (event: Event): void => {
    const { detail } = event as CustomEvent<Asked>;
    if (detail.key === key) listener(detail.verb);
  };
  window.addEventListener(eventName, hear);
  return () => window.removeEventListener(eventName, hear);
}
