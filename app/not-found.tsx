import Link from 'next/link';
import type { ReactElement } from 'react';

export default function NotFound(): ReactElement {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-3 px-6 text-center">
      <h1 className="text-xl font-semibold">There is no such page</h1>
      <p className="text-fg-2">The address may be old or mistyped.</p>
      <Link href="/" className="font-medium text-accent hover:underline">
        To the overview
      </Link>
    </main>
  );
}
