// Dark, light, or as the system has it. Kept in a cookie, so that the server's first page has the right one.
export const themeCookie = 'meshdeck-theme';

export type Theme = 'system' | 'light' | 'dark';

export function parseTheme(text: string | undefined): Theme {
  return text === 'light' || text === 'dark' ? text : 'system';
}

/** Around the page where the browser draws it, as on a phone: the colour of the top bar in app/globals.css, --surface-1. */
export const themeColours = { light: '#ffffff', dark: '#13161a' } as const;

/** Of each scheme that the reader's choice leaves open. */
export function themeColourTags(theme: Theme): { media?: string; color: string }[] {
  if (theme !== 'system') return [{ color: themeColours[theme] }];
  return (['light', 'dark'] as const).map((scheme) => ({
    media: `(prefers-color-scheme: ${scheme})`,
    color: themeColours[scheme],
  }));
}

const yearSeconds = 365 * 24 * 3600;

/** Shows it at once and keeps it. */
export function setTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  for (const tag of document.querySelectorAll('meta[name=theme-color]')) tag.remove();
  for (const { media, color } of themeColourTags(theme)) {
    const tag = document.createElement('meta');
    tag.setAttribute('name', 'theme-color');
    tag.setAttribute('content', color);
    if (media !== undefined) tag.setAttribute('media', media);
    document.head.append(tag);
  }
  document.cookie = `${themeCookie}=${theme}; path=/; max-age=${yearSeconds}; samesite=lax`;
}

export function currentTheme(): Theme {
  return parseTheme(document.documentElement.dataset['theme']);
}
