// What clients need not load. The build bundles it on its own, and clients carry it without reading it (scripts/build-agent.ts).
export { commandsJson } from './client/commands-json.ts';
export { runTakeCa } from './client/take-ca.ts';
export { runDaemon } from './run-daemon.ts';
