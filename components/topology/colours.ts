// The tokens as the picture needs them: WebGL and canvas know no CSS variables, so each is resolved by the browser itself.
import type { State } from '../ui/StateMark.tsx';

export interface MeshColours {
  readonly state: Readonly<Record<State, string>>;
  readonly link: string;
  readonly newLink: string;
  readonly lostLink: string;
  readonly cut: string;
  readonly accent: string;
  readonly text: string;
  readonly quietText: string;
  /** On a node's fill. */
  readonly onFill: string;
  readonly surface: string;
  readonly line: string;
}

/** Reads the tokens where `element` stands; call again when the scheme changes. Values are `#rrggbb`. */
export function readColours(element: HTMLElement): MeshColours {
  const canvas = document.createElement('canvas');
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const probe = document.createElement('span');
  probe.hidden = true;
  element.append(probe);
  const resolve = (token: string): string => {
    probe.style.color = `var(--${token})`;
    if (context === null) return '#888888';
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
    return `#${[red, green, blue].map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  };
  const colours: MeshColours = {
    state: {
      ok: resolve('ok'),
      busy: resolve('busy'),
      warn: resolve('warn'),
      bad: resolve('bad'),
      lost: resolve('lost'),
    },
    link: resolve('line-strong'),
    newLink: resolve('accent'),
    lostLink: resolve('bad'),
    cut: resolve('warn'),
    accent: resolve('accent'),
    text: resolve('fg-1'),
    quietText: resolve('fg-2'),
    onFill: resolve('surface-1'),
    surface: resolve('surface-1'),
    line: resolve('line'),
  };
  probe.remove();
  return colours;
}

/** Calls `listener` when the scheme changes, by the reader's choice or by the system. */
export function onSchemeChange(listener: () => void): () => void {
  const query = window.matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  query.addEventListener('change', listener);
  return () => {
    observer.disconnect();
    query.removeEventListener('change', listener);
  };
}
