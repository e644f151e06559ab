// Opens the command palette from anywhere on the page: Ctrl-K, the top bar's button.

const eventName = 'meshdeck:palette';

export function openPalette(): void {
  window.dispatchEvent(new Event(eventName));
}

/** Calls `listener` at each wish to open it; the function returned ends that. */
export function onOpenPalette(listener: () => void): () => void {
  const onKey = (event: KeyboardEvent) => {
    // Ctrl-K on Linux and Windows, Command-K on a Mac; with Shift or Alt it is the browser's.
    if ((!event.ctrlKey && !event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== 'k') return;
    event.preventDefault();
    listener();
  };
  window.addEventListener('keydown', onKey);
  window.addEventListener(eventName, listener);
  return () => {
    window.removeEventListener('keydown', onKey);
    window.removeEventListener(eventName, listener);
  };
}
