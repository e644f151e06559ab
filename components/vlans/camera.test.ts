import { expect, test } from 'vitest';
import { cameraFor, moved, pointAt, zoomed } from './camera.ts';

const screen = { width: 1000, height: 600 };
const bounds = { left: -500, top: 0, right: 1500, bottom: 400 };

test('all of it is in sight, in the middle, and few things are not blown up', () => {
  const camera = cameraFor(bounds, screen);
  for (const [x, y] of [
    [bounds.left, bounds.top],
    [bounds.right, bounds.bottom],
  ] as const) {
    const at = { x: x * camera.scale + camera.x, y: y * camera.scale + camera.y };
    expect(at.x > 0 && at.x < screen.width && at.y > 0 && at.y < screen.height).toBe(true);
  }
  expect(pointAt(camera, { x: 500, y: 300 })).toEqual({ x: 500, y: 200 });
  expect(cameraFor({ left: 0, top: 0, right: 10, bottom: 10 }, screen).scale).toBe(1.5);
  expect(cameraFor(bounds, { width: 10, height: 10 }).scale).toBeGreaterThan(0);
});

test('what is under the pointer stays there at any zoom, within bounds', () => {
  const at = { x: 321, y: 123 };
  const camera = cameraFor(bounds, screen);
  const point = pointAt(camera, at);
  for (const factor of [0.5, 2, 1e-9, 1e9]) {
    const next = zoomed(camera, factor, at);
    expect(pointAt(next, at).x).toBeCloseTo(point.x);
    expect(pointAt(next, at).y).toBeCloseTo(point.y);
  }
  expect([zoomed(camera, 1e-9, at).scale, zoomed(camera, 1e9, at).scale]).toEqual([0.03, 4]);
});

test('a drag moves the plane with the pointer', () => {
  const camera = cameraFor(bounds, screen);
  expect(pointAt(moved(camera, { x: 40, y: -10 }), { x: 140, y: 90 })).toEqual(pointAt(camera, { x: 100, y: 100 }));
});
