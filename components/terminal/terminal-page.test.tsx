// @vitest-environment happy-dom
import { SearchParamsContext } from 'next/dist/shared/lib/hooks-client-context.shared-runtime.js';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import type { Console } from '../../lib/console.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { pageForTests } from '../page-for-tests.ts';
import { NodeTerminal } from './NodeTerminal.tsx';
import { TerminalPage } from './TerminalPage.tsx';

vi.mock('@xterm/xterm', () => {
  throw new Error('Failed to fetch');
});

const page = pageForTests();

/** What the server sends before any script has run, as text. */
function sentFor(query: string): string {
  const html = renderToString(
    <SearchParamsContext value={new URLSearchParams(query)}>
      <TerminalPage />
    </SearchParamsContext>,
  );
  return html.replace(/<[^>]*>/g, '');
}

test('the page says which node it connects to before its scripts have run', () => {
  expect(sentFor('node=node2')).toContain('Connecting to node2…');
  expect(sentFor('')).toContain('Connecting to the cluster…');
});

test('a terminal that cannot be loaded says why and what to do', async () => {
  // All that the component reads of it before xterm is there.
  const console = { commands: {} } as unknown as Console;
  page.draw(
    <ConsoleProvider console={console}>
      <NodeTerminal cluster="c1" node="node2" role="admin" />
    </ConsoleProvider>,
  );
  expect(page.box.querySelector('[role=status]')?.textContent).toBe('Connecting to node2…');
  const alert = () => page.box.querySelector('[role=alert]');
  await expect.poll(alert, { timeout: 60_000 }).not.toBeNull();
  expect(alert()?.textContent).toMatch(/The terminal of node2 did not open.*Reload the page/);
  expect(page.box.querySelector('[role=status]')).toBeNull();
}, 70_000);
