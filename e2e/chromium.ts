/** Debian's: nothing is downloaded. */
export const chromiumPath = '/usr/bin/chromium';
