#!/bin/sh
# Called by udhcpc in the lab's guest: sets what the DHCP server gave.
case $1 in
  deconfig) ifconfig "$interface" 0.0.0.0 ;;
  bound | renew)
    ifconfig "$interface" "$ip" netmask "$subnet"
    for each in $router; do route add default gw "$each" dev "$interface"; done
    : > /etc/resolv.conf
    for each in $dns; do echo "nameserver $each" >> /etc/resolv.conf; done
    echo "$interface has $ip" > /dev/console
    ;;
esac
