// Draws the icons of public/icons from the product's mark (app/icon.svg), in Chromium. Run it when the mark changes:
//   node scripts/draw-icons.ts
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { appleIconPath, installIcons } from '../contract/install-files.ts';
import { chromiumPath } from '../e2e/chromium.ts';

const root = dirname(import.meta.dirname);
/** The dark scheme's page and accent: an icon stands on wallpapers of any colour. */
const [ground, ink] = ['#13161a', '#73aef8'];
const shapes = /<\/style>(.*)<\/svg>/s.exec(readFileSync(join(root, 'app/icon.svg'), 'utf8'))?.[1] ?? '';

/** `part` of the square is the mark's; `radius` of its corners is cut away, and what lies outside is clear. */
const looks = {
  any: { part: 0.62, radius: 0.2 },
  // A mask may leave no more than a circle of four fifths: its inner square is 0.56 of the whole.
  maskable: { part: 0.52, radius: 0 },
  apple: { part: 0.6, radius: 0 },
};

const icons = [
  ...installIcons.map(({ path, size, purpose }) => ({ path, size, look: looks[purpose] })),
  { path: appleIconPath, size: 180, look: looks.apple },
];

const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
const page = await browser.newPage();
mkdirSync(join(root, 'public/icons'), { recursive: true });
for (const { path, size, look } of icons) {
  const inset = (24 / look.part - 24) / 2;
  const whole = 24 + 2 * inset;
  await page.setViewportSize({ width: size, height: size });
  await page.setContent(
    `<body style="margin:0"><svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" style="display:block;color:${ink};background:${look.radius === 0 ? ground : 'none'}"
      viewBox="${-inset} ${-inset} ${whole} ${whole}">
      <rect x="${-inset}" y="${-inset}" width="${whole}" height="${whole}" rx="${whole * look.radius}" fill="${ground}"/>${shapes}</svg>`,
  );
  await page.screenshot({ path: join(root, 'public', path), omitBackground: true });
  console.log(`public${path}: ${size} px`);
}
await browser.close();
