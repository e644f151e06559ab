// Runs in front of every test file: how long a test waits for something to happen, unless it says otherwise. Vitest's own
// second is less than a busy machine takes to start a program.
// The programs that tests start by the hundred keep what Node compiled: each then takes a third of the processor's time.
import { vi } from 'vitest';

process.env['NODE_COMPILE_CACHE'] ??= new URL('../.cache/compiled', import.meta.url).pathname;

const timeout = 60_000;
const { waitFor, waitUntil } = vi;
const isNumber = (options: unknown): options is number => typeof options === 'number';

vi.waitFor = (callback, options) => waitFor(callback, isNumber(options) ? options : { timeout, ...options });
vi.waitUntil = (callback, options) => waitUntil(callback, isNumber(options) ? options : { timeout, ...options });
