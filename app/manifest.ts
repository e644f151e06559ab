import type { MetadataRoute } from 'next';
import { themeColours } from '../components/frame/theme.ts';
import { installIcons } from '../contract/install-files.ts';

/** What a phone asks for to install the console. Its paths are relative: they hold wherever the console stands. */
export default function manifest(): MetadataRoute.Manifest {
  return {
    id: './',
    name: 'Meshdeck',
    short_name: 'Meshdeck',
    description: 'Turns a rack of Linux machines into one VM cluster and shows it live.',
    start_url: './',
    scope: './',
    display: 'standalone',
    background_color: themeColours.dark,
    theme_color: themeColours.dark,
    icons: installIcons.map(({ path, size, purpose }) => ({
      src: `.${path}`,
      sizes: `${size}x${size}`,
      type: 'image/png',
      purpose,
    })),
  };
}
