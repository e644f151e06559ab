/** @type {import('next').NextConfig} */
const config = {
  reactStrictMode: true,
  poweredByHeader: false,
  // `npm run check` judges types, with the same compiler for all folders.
  typescript: { ignoreBuildErrors: true, tsconfigPath: 'tsconfig.browser.json' },
  turbopack: { root: import.meta.dirname },
  images: { unoptimized: true },
};

export default config;
