#!/bin/sh
# PID 1 of the lab's guest: loads drivers, gives its NICs addresses, and keeps a shell on the serial line and one on the screen.
# Kernel command line:
#   ip=<address>/<prefix>     for eth0; or the kernel's own <address>::<gateway>:<netmask>[:<hostname>:<device>]
#   ip=dhcp                   or nothing: every NIC asks for an address, and takes a link-local one while nobody gives it any
#   ip=off                    no addresses
#   hostname=<name>           `guest` without it
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /sbin /usr/bin /usr/sbin
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# The initramfs has no device nodes, so the kernel gave this process no console.
exec </dev/console >/dev/console 2>&1
for module in $(cat /modules/order); do insmod "/modules/$module.ko"; done

ip=
hostname guest
for word in $(cat /proc/cmdline); do
  case $word in
    ip=*) ip=${word#ip=} ;;
    hostname=*) hostname "${word#hostname=}" ;;
  esac
done

ifconfig lo 127.0.0.1 up
for nic in /sys/class/net/eth*; do
  [ -e "$nic" ] && ifconfig "${nic##*/}" up
done
case $ip in
  off) ;;
  '' | dhcp)
    for nic in /sys/class/net/eth*; do
      [ -e "$nic" ] && udhcpc -b -t 3 -T 2 -A 5 -i "${nic##*/}" -s /etc/dhcp.sh -x "hostname:$(hostname)" >/dev/null 2>&1 &
    done
    ;;
  */*) ifconfig eth0 "${ip%/*}" netmask "$(ipcalc -m "$ip" | cut -d= -f2)" ;;
  *)
    # <client>:<server>:<gateway>:<netmask>:<hostname>:<device>, as in the kernel's nfsroot documentation.
    IFS=: read -r client _ gateway netmask name device _ <<END
$ip
END
    [ -n "$name" ] && hostname "$name"
    ifconfig "${device:-eth0}" "$client" netmask "${netmask:-255.255.255.0}"
    [ -n "$gateway" ] && route add default gw "$gateway"
    ;;
esac

# Nodes show what guests say: an address that the command line gave is said once.
for nic in /sys/class/net/eth*; do
  own=$(ifconfig "${nic##*/}" 2>/dev/null | sed -n 's/.*inet addr:\([^ ]*\).*/\1/p')
  [ -n "$own" ] && arping -q -A -c 1 -I "${nic##*/}" "$own"
done

echo "guest $(hostname) is up after $(cut -d' ' -f1 /proc/uptime) s"
# Its own session, so that the line is the shell's terminal and Ctrl-C works.
keep_shell() {
  while :; do
    setsid sh -c "exec sh -l </dev/$1 >/dev/$1 2>&1"
    sleep 1
  done
}
if [ -e /sys/class/tty/tty1 ]; then
  printf '\033[2J\033[Hguest %s: a shell on its screen\n' "$(hostname)" >/dev/tty1
  keep_shell tty1 &
fi
keep_shell ttyS0
