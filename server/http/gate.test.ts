import { describe, expect, it } from 'vitest';
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

  it('lets the development server load its own scripts, and no page', () => {
    expect(judgePath('/_next/hmr', { isDevelopment: true })).toBe('open');
    expect(judgePath('/nodes', { isDevelopment: true })).toBe('closed');
  });
});
