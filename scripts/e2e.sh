#!/bin/sh
# The console's journeys in a browser. `npm run e2e -- --ui` serves Playwright's page for looking at them step by step: it
# prints its address, for any browser, since Playwright's own window needs a browser that it would download.
# Usage: scripts/e2e.sh [options of `playwright test`]
set -u
cd "$(dirname "$0")/.." || exit 1
sh scripts/setup.sh || exit 1
case " $* " in *' --ui '*) set -- --ui-host=127.0.0.1 "$@" ;; esac
exec node_modules/.bin/playwright test --project=e2e "$@"
