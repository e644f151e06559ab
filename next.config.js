import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

/** @type {import('next').NextConfig} */
const config = {
  reactStrictMode: true,
  poweredByHeader: false,
  // Written into the pages, which tell it when they connect.
  env: { MESHDECK_VERSION: version },
  // `npm run check` judges types, with the same compiler for all folders.
  typescript: { ignoreBuildErrors: true, tsconfigPath: 'tsconfig.browser.json' },
  turbopack: { root: import.meta.dirname },
  images: { unoptimized: true },
};

export default config;
