#!/bin/sh
# Called by udhcpc in the lab's guest: sets what the DHCP server gave, or what the guest takes itself while nobody serves.
tell() {
  echo "$interface $1" > /dev/console
  # On its screen too.
  [ -e /sys/class/tty/tty1 ] && echo "$interface $1" > /dev/tty1
}
case $1 in
  deconfig) ifconfig "$interface" 0.0.0.0 ;;
  bound | renew)
    ifconfig "$interface" "$ip" netmask "$subnet"
    for each in $router; do route add default gw "$each" dev "$interface"; done
    : > /etc/resolv.conf
    for each in $dns; do echo "nameserver $each" >> /etc/resolv.conf; done
    tell "has $ip"
    ;;
  leasefail)
    # Nobody serves DHCP here: a link-local address as RFC 3927 has it, from the end of the MAC, which nobody else has.
    ifconfig "$interface" | grep -q 'inet addr' && exit 0
    mac=$(cat "/sys/class/net/$interface/address")
    net=169.254.$((0x${mac:12:2} % 254 + 1)) host=$((0x${mac:15:2}))
    while ! arping -q -D -c 2 -I "$interface" "$net.$host"; do host=$(((host + 1) % 256)); done
    ifconfig "$interface" "$net.$host" netmask 255.255.0.0
    # Those who listen know it from now on.
    arping -q -A -c 1 -I "$interface" "$net.$host"
    tell "has $net.$host, since nobody serves DHCP"
    ;;
esac
