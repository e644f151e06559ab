// Starts the browser's WebGL while the page's scripts are on their way. The first context of a page takes a quarter of a second, in
// one piece: a worker takes it, and the picture's own contexts are then made in a few milliseconds. A page that is reached from
// another one runs no such script, and its picture waits for WebGL itself.
import { headers } from 'next/headers';
import type { ReactElement } from 'react';

/** The worker ends when the page has its own contexts. */
const worker = `new OffscreenCanvas(1, 1).getContext('webgl2'); setTimeout(() => close(), 10000);`;
const script = `try { new Worker(URL.createObjectURL(new Blob([${JSON.stringify(worker)}]))); } catch {}`;

export async function StartWebgl(): Promise<ReactElement> {
  // Of the policy that the server gives the page (server/http).
  const policy = (await headers()).get('content-security-policy') ?? '';
  const nonce = /'nonce-([^']+)'/.exec(policy)?.[1];
  return <script nonce={nonce} suppressHydrationWarning dangerouslySetInnerHTML={{ __html: script }} />;
}
