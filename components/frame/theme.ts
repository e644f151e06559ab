// Dark, light, or as the system has it. Kept in a cookie, so that the server's first page has the right one.
export const themeCookie = 'meshdeck-theme';

export type Theme = 'system' | 'light' | 'dark';

export function parseTheme(text: string | undefined): Theme {
  return text === 'light' || text === 'dark' ? text : 'system';
}

const yearSeconds = 365 * 24 * 3600;

/** Shows it at once and keeps it. */
export function setTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  document.cookie = `${themeCookie}=${theme}; path=/; max-age=${yearSeconds}; samesite=lax`;
}

export function currentTheme(): Theme {
  return parseTheme(document.documentElement.dataset['theme']);
}
