#!/bin/sh
# Sets up all that `npm run demo` and `npm test` need: system packages, npm packages, the shipped program, the pages, the
# image of the lab's nodes. Plain sh, since it runs before anything is installed. It names each step that it cannot do here,
# and continues with what works without it.
# Usage: scripts/setup.sh   (quiet and quick when everything is there)
#
# What does not wait for something else runs beside it:
#
#   apt: mmdebstrap, then the rest of the packages
#   npm ci --+-- agent, pages
#            '-- image, once mmdebstrap is there
set -u
cd "$(dirname "$0")/.." || exit 1
# Of this run: another one may be at work in the same folder.
logs=${SETUP_LOGS:-.cache/setup/$$}
image_cache=/var/cache/meshdeck-lab

# ---- the tasks: each in its own process, `setup.sh --task <name>`, its output in $logs/<name>.log

install() {
  apt-get install -q -y --no-install-recommends "$@"
}

task_apt() {
  export DEBIAN_FRONTEND=noninteractive LC_ALL=C
  # Heals an installation that was cut off.
  dpkg --configure -a
  apt-get update -q || return 1
  case " $* " in *' mmdebstrap '*) install mmdebstrap || return 1 ;; esac
  : >"$logs/has-tools"
  install "$@"
}

task_npm() {
  # A registry that mirrors one platform only leaves the other platforms' optional packages out of the lock file, and
  # npm ci then refuses all of it; npm install takes the same pinned versions.
  npm ci --no-audit --no-fund --loglevel=error || npm install --no-save --no-audit --no-fund --loglevel=error
}

task_agent() { node scripts/build-agent.ts; }
task_pages() { node scripts/build-console.ts; }
task_image() { node lab/main.ts image; }

if [ "${1:-}" = --task ]; then
  name=$2
  shift 2
  # A shell takes a signal after what it runs is over: that cleans up first.
  trap 'exit 1' HUP INT TERM
  "task_$name" "$@"
  echo $? >"$logs/$name.end"
  exit
fi

# ---- beside each other

mkdir -p "$logs"
export SETUP_LOGS="$logs" PATH="$PWD/node_modules/.bin:$PATH"
running=''
drawn=0
began=$(date +%s)
[ -t 1 ] && is_terminal=1 || is_terminal=0
made_policy=0
has_failed=0

# start <name> [arguments]: in its own process group, so that all of it can be ended.
start() {
  date +%s >"$logs/$1.began"
  if command -v setsid >/dev/null 2>&1; then
    setsid sh scripts/setup.sh --task "$@" >"$logs/$1.log" 2>&1 </dev/null &
  else
    sh scripts/setup.sh --task "$@" >"$logs/$1.log" 2>&1 </dev/null &
  fi
  echo $! >"$logs/$1.pid"
  running="$running $1"
}

end_all() {
  # A second Ctrl-C does not wait.
  trap 'exit 1' HUP INT TERM
  for name in $running; do
    pid=$(cat "$logs/$name.pid")
    kill -TERM "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null
  done
  wait
}

clean_up() {
  # Left behind, no service of this machine would start again.
  [ $made_policy = 0 ] || rm -f /usr/sbin/policy-rc.d
  [ $has_failed = 1 ] || rm -rf "$logs"
}
trap clean_up EXIT
trap 'end_all; exit 1' HUP INT TERM

title() {
  case $1 in
    apt) echo 'system packages' ;;
    npm) echo 'npm packages' ;;
    agent) echo 'meshd' ;;
    pages) echo 'pages' ;;
    image) echo 'image of the nodes' ;;
  esac
}

# How far a task is, in packages or bytes, where that can be seen.
describe_progress() {
  case $1 in
    apt)
      total=$(sed -n 's/.* \([0-9]*\) newly installed.*/\1/p' "$logs/apt.log" | awk '{ n += $1 } END { print n + 0 }')
      got=$(grep -c '^Get:' "$logs/apt.log")
      ready=$(grep -c '^Setting up ' "$logs/apt.log")
      if [ "$ready" -gt 0 ]; then echo "$ready of $total packages ready"; else echo "$got files asked for"; fi
      ;;
    npm) echo "$(find node_modules -maxdepth 2 -type d 2>/dev/null | wc -l) folders" ;;
    image) du -sm $image_cache/*.partial 2>/dev/null | awk '{ n += $1 } END { if (n) print n " MB of about 400" }' ;;
  esac
}

show_progress() {
  if [ "$is_terminal" = 1 ] && [ $drawn -gt 0 ]; then printf '\033[%dA' $drawn; fi
  lines=0
  for name in $running; do
    took=$(($(date +%s) - $(cat "$logs/$name.began")))
    [ "$is_terminal" = 0 ] || printf '\033[K'
    printf 'setup: %-20s %4d s  %s\n' "$(title "$name")" $took "$(describe_progress "$name")"
    lines=$((lines + 1))
  done
  # Lines of tasks that are over.
  [ "$is_terminal" = 0 ] || printf '\033[J'
  drawn=$lines
}

# over <name>: its result, in a line that stays. Ends everything when nothing works without it.
over() {
  took=$(($(date +%s) - $(cat "$logs/$1.began")))
  code=$(cat "$logs/$1.end")
  if [ "$is_terminal" = 1 ] && [ $drawn -gt 0 ]; then
    printf '\033[%dA\033[J' $drawn
    drawn=0
  fi
  if [ "$code" = 0 ]; then
    [ $took -lt 3 ] || printf 'setup: %-20s %4d s  done\n' "$(title "$1")" $took
    return
  fi
  has_failed=1
  echo "setup: $(title "$1"): failed after $took s. The last lines of $logs/$1.log:"
  tail -n 15 "$logs/$1.log" | sed 's/^/  /'
  case $1 in
    apt) echo "Check this machine's network and apt's sources, then run the same command again." ;;
    npm) echo "Check this machine's network and npm's registry (npm config get registry), then run the same command again." ;;
    image)
      echo 'There is no lab until this works: npm run lab -- image tries again.'
      return
      ;;
    *) echo 'Run the same command again; rm -rf node_modules first, should packages be damaged.' ;;
  esac
  end_all
  exit 1
}

missing=''
# shellcheck disable=SC2013 # words are wanted
for package in $(sed 's/#.*//' lab/packages.txt scripts/packages.txt); do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  : >"$logs/has-tools"
elif [ "$(uname -s)" != Linux ]; then
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
    made_policy=1
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
  fi
  # shellcheck disable=SC2086 # a list of words
  start apt $missing
fi

# A lab node's systemd holds about seven inotify instances; the kernel's default of 128 for all of root's is soon gone.
limit=/proc/sys/fs/inotify/max_user_instances
if [ "$(id -u)" = 0 ] && [ -w $limit ] && [ "$(cat $limit)" -lt 1024 ]; then
  echo 'setup: raising fs.inotify.max_user_instances to 1024 until the next boot: lab nodes need it'
  echo 1024 >$limit || echo 'setup: it could not be raised; labs of more than about ten nodes will not start'
fi

# Commands that the console shows begin with meshdeck: pasted, they are to work.
link=/usr/local/bin/meshdeck
if [ "$(id -u)" = 0 ] && [ -d /usr/local/bin ]; then
  # A link that leads nowhere is of a checkout that is gone.
  [ -e $link ] || ln -sfn "$PWD/scripts/meshdeck" $link
  [ "$(readlink -f $link)" = "$(readlink -f scripts/meshdeck)" ] ||
    echo "setup: $link belongs to another checkout and stays; the meshdeck of this folder is scripts/meshdeck"
fi

has_npm=0
# shellcheck disable=SC3013 # dash and busybox have -nt
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  start npm
else
  has_npm=1
  start agent
  start pages
fi
wants_image=0
[ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] && wants_image=1

last=$began
while :; do
  if [ $wants_image = 1 ] && [ $has_npm = 1 ] && [ -e "$logs/has-tools" ]; then
    wants_image=0
    start image
  fi
  [ -n "$running" ] || break
  now=$(date +%s)
  # A run that finds everything there ends before the first of these lines.
  if [ $((now - began)) -lt 3 ]; then
    sleep 0.2
  else
    sleep 1
    if [ "$is_terminal" = 1 ] || [ $((now - last)) -ge 10 ]; then
      show_progress
      last=$now
    fi
  fi
  left=''
  ended=''
  for name in $running; do
    # Killed from outside, it leaves no word. In this order: one that ends in between has left its own.
    read -r pid <"$logs/$name.pid"
    if ! kill -0 "$pid" 2>/dev/null && [ ! -e "$logs/$name.end" ]; then echo 137 >"$logs/$name.end"; fi
    if [ -e "$logs/$name.end" ]; then ended="$ended $name"; else left="$left $name"; fi
  done
  running=$left
  for name in $ended; do
    over "$name"
    if [ "$name" = npm ]; then
      has_npm=1
      start agent
      start pages
    fi
  done
done
