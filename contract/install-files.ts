// What a phone loads to install the console: browsers fetch it without cookies, before or after the login. The server opens
// these paths and no others; the pages name them.

export const manifestPath = '/manifest.webmanifest';
/** For iOS, which rounds it. */
export const appleIconPath = '/icons/apple-touch-icon.png';

/** Sizes in pixels, square. A maskable one has its mark within the circle that any mask keeps. */
export const installIcons = [
  { path: '/icons/icon-192.png', size: 192, purpose: 'any' },
  { path: '/icons/icon-512.png', size: 512, purpose: 'any' },
  { path: '/icons/maskable-512.png', size: 512, purpose: 'maskable' },
] as const;

export const installFiles: readonly string[] = [manifestPath, appleIconPath, ...installIcons.map(({ path }) => path)];
