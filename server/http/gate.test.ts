import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { installFiles } from '../../contract/install-files.ts';
import { judgePath } from './gate.ts';

describe('the gate', () => {
  it.each([
    ['/login', 'open'],
    ['/login?next=%2Fmesh', 'open'],
    ['/setup?token=abc', 'open'],
    ['/api/health', 'open'],
    ['/_next/static/chunks/app_page-12ab.js', 'open'],
    ['/_next/static/media/inter.woff2', 'open'],
    ['/', 'closed'],
    ['/nodes?sort=load', 'closed'],
    ['/login/more', 'closed'],
    ['/LOGIN', 'closed'],
    ['/_next/image?url=%2Fx.png', 'closed'],
    ['/_next/data/build/index.json', 'closed'],
    ['/_next/webpack-hmr', 'closed'],
    ['/_next/static/', 'closed'],
    ['/_next/static/../server/app.js', 'malformed'],
    ['/_next/static/%2e%2e/server/app.js', 'malformed'],
    ['/_next/static/..%2fserver', 'malformed'],
    ['/_next/static/%252e%252e/x', 'malformed'],
    [String.raw`/_next/static/..\server`, 'malformed'],
    ['//login', 'malformed'],
    ['/login/../nodes', 'malformed'],
    ['/%00', 'malformed'],
    ['/%zz', 'malformed'],
    ['http://elsewhere/login', 'malformed'],
    ['', 'malformed'],
  ])('judges %s: %s', (target, verdict) => {
    expect(judgePath(target, { isDevelopment: false })).toBe(verdict);
  });

  it('opens the manifest and exactly the icons that public/ holds', () => {
    const root = new URL('../../public/', import.meta.url);
    const files = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`.replaceAll('//', '/').slice(root.pathname.length - 1));
    expect(files.sort()).toEqual(installFiles.filter((path) => path !== '/manifest.webmanifest').sort());
    for (const path of installFiles) expect(judgePath(path, { isDevelopment: false }), path).toBe('open');
  });

  it.each([
    '/icons',
    '/icons/',
    '/icons/icon-192.png/',
    '/icons/other.png',
    '/icons/icon-192.svg',
    '/manifest.json',
    '/manifest.webmanifest/x',
    '/MANIFEST.webmanifest',
    '/public/icons/icon-192.png',
  ])('keeps %s closed', (path) => {
    expect(judgePath(path, { isDevelopment: false })).toBe('closed');
  });

  it('lets the development server load its own scripts, and no page', () => {
    expect(judgePath('/_next/hmr', { isDevelopment: true })).toBe('open');
    expect(judgePath('/nodes', { isDevelopment: true })).toBe('closed');
  });
});
