# shellcheck shell=dash
tree=$1 end=$(($(date +%s) + $2))
while [ "$(date +%s)" -lt "$end" ]; do
  if read -r state <"$tree/upgrade.outcome" 2>/dev/null; then
    case $state in running) ;; ?*) cat "$tree/upgrade.outcome"; exit 0 ;; esac
  fi
  sleep 0.2
done
echo running
