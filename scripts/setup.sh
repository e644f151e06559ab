#!/bin/sh
# Sets up all that `npm run demo` and `npm test` need: system packages, npm packages, the shipped program. Plain sh,
# since it runs before anything is installed. What it cannot do here it names, and what works without goes on.
# Usage: scripts/setup.sh   (quiet and quick when everything is there)
set -u
cd "$(dirname "$0")/.." || exit 1

missing=''
for package in $(sed 's/#.*//' lab/packages.txt scripts/packages.txt); do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
  if [ "$(uname -s)" != Linux ]; then
    echo "setup: this is $(uname -s), not Linux: no lab, and the tests that need it are skipped."
  elif ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: no apt-get here. Install these by hand for the lab and its tests:$missing"
  elif [ "$(id -u)" != 0 ]; then
    echo "setup: not root, so these packages stay missing (the lab and its tests need them and root):$missing"
  else
    echo "setup: installing system packages:$missing"
    # Debian starts what it installs: the lab brings its own Open vSwitch and dnsmasq, so nothing is to start here.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
      # Without this a Ctrl-C would leave it behind, and no service of this machine would start any more.
      trap 'exit 1' HUP INT TERM
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of words
    { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >.setup.log 2>&1 || {
      echo "setup: apt-get failed; the last lines of .setup.log:"
      tail -n 15 .setup.log
      exit 1
    }
    rm -f .setup.log
  fi
fi

# A lab node's systemd holds about seven inotify instances; the kernel's default of 128 for all of root's is soon gone.
limit=/proc/sys/fs/inotify/max_user_instances
if [ "$(id -u)" = 0 ] && [ -w $limit ] && [ "$(cat $limit)" -lt 1024 ]; then
  echo 'setup: raising fs.inotify.max_user_instances to 1024 until the next boot: lab nodes need it'
  echo 1024 >$limit || echo 'setup: it could not be raised; labs of more than about ten nodes will not start'
fi

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo 'setup: npm ci (a minute or two; it says nothing meanwhile)'
  # A registry that mirrors one platform only leaves the other platforms' optional packages out of the lock file, and
  # npm ci then refuses all of it; npm install takes the same pinned versions.
  npm ci --no-audit --no-fund --loglevel=silent || npm install --no-save --no-audit --no-fund --loglevel=error || exit 1
fi

# Commands that the console shows begin with meshdeck: pasted, they are to work.
link=/usr/local/bin/meshdeck
if [ "$(id -u)" = 0 ] && [ -d /usr/local/bin ]; then
  # A link that leads nowhere is of a checkout that is gone.
  [ -e $link ] || ln -sfn "$PWD/scripts/meshdeck" $link
  [ "$(readlink -f $link)" = "$(readlink -f scripts/meshdeck)" ] ||
    echo "setup: $link is another one's and stays; the meshdeck of this folder is scripts/meshdeck"
fi

npm run --silent build:agent && npm run --silent build
