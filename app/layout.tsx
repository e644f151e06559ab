// The document of every page: fonts, tokens, and the scheme that the reader chose.
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './globals.css';
import type { Metadata, Viewport } from 'next';
import { cookies } from 'next/headers';
import type { ReactElement, ReactNode } from 'react';
import { parseTheme, themeColourTags, themeCookie } from '../components/frame/theme.ts';
import { appleIconPath } from '../contract/install-files.ts';

export const metadata: Metadata = {
  title: { default: 'Meshdeck', template: '%s · Meshdeck' },
  robots: { index: false, follow: false },
  // Named here, Next leaves out the icon that it finds in app/: the browser would ask for a favicon.ico.
  icons: { icon: '/icon.svg', apple: appleIconPath },
  appleWebApp: { capable: true, title: 'Meshdeck', statusBarStyle: 'default' },
};

export async function generateViewport(): Promise<Viewport> {
  const theme = parseTheme((await cookies()).get(themeCookie)?.value);
  return { viewportFit: 'cover', width: 'device-width', initialScale: 1, themeColor: themeColourTags(theme) };
}

export default async function RootLayout({ children }: { children: ReactNode }): Promise<ReactElement> {
  const theme = parseTheme((await cookies()).get(themeCookie)?.value);
  return (
    <html lang="en" {...(theme === 'system' ? {} : { 'data-theme': theme })}>
      <body>
        <div className="page-root">{children}</div>
      </body>
    </html>
  );
}
