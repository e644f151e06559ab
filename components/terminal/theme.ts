// The page's tokens as a theme of xterm, which wants colours a canvas can read.

export function terminalTheme(element: Element): Record<string, string> {
  const colour = (token: string) => resolveColour(element, `var(${token})`);
  return {
    background: colour('--surface-1'),
    foreground: colour('--fg-1'),
    cursor: colour('--accent'),
    cursorAccent: colour('--surface-1'),
    selectionBackground: colour('--accent-soft'),
    red: colour('--bad'),
    green: colour('--ok'),
    yellow: colour('--warn'),
    blue: colour('--accent'),
    brightBlack: colour('--fg-3'),
  };
}

/** A CSS colour as `#rrggbb`: oklch() and light-dark() as the browser paints them. */
function resolveColour(element: Element, css: string): string {
  const probe = document.createElement('span');
  probe.style.color = css;
  element.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  if (!context) return computed;
  context.fillStyle = computed;
  context.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
