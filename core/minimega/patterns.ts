// The grammar of minimega 3.1.0, as its `-cli` prints it: first words, then what may follow, `|` between alternatives and `.` for nothing. It
// has to be whole: which abbreviations are a command depends on all others.

const grammar = `
.annotate: [true,false] | <true,false> (command)
.compress: [true,false] | <true,false> (command)
.csv: [true,false] | <true,false> (command)
.headers: [true,false] | <true,false> (command)
.json: [true,false] | <true,false> (command)
.preprocess: [true,false] | <true,false> (command)
.record: [true,false] | <true,false> (command)
.sort: [true,false] | <true,false> (command)
.alias: . | <alias>...
.columns: <columns as csv> (command)
.env: <name> <value> | [name]
.filter: <filter> (command)
.unalias: <alias>
args: .
background: <command>...
background-error: <id>
background-output: <id>
background-status: [id]
bridge: . | <config,> <bridge> <config> | <destroy,> <bridge> | <notrunk,> <bridge> <interface> | <notunnel,> <bridge> <interface>
bridge: <trunk,> <bridge> <interface> | <tunnel,> <vxlan,gre> <bridge> <remote ip> [key]
capture: . | <netflow,> <bridge,> <bridge> <filename> | <netflow,> <bridge,> <bridge> <tcp,udp> <hostname:port> | <netflow,> <delete,> bridge <bridge>
capture: <netflow,> <gzip,> [true,false] | <netflow,> <mode,> [raw,ascii] | <netflow,> <timeout,> [timeout in seconds]
capture: <pcap,> <delete,> bridge <bridge> | <pcap,> <delete,> vm <vm name> | <pcap,> <filter,> [bpf] | <pcap,> <snaplen,> [size]
capture: <pcap,> bridge <bridge> <filename> | <pcap,> vm <vm name> <interface index> <filename>
cc: . | <background,> <command>... | <background-once,> <command>... | <clients,> | <commands,> | <delete,> <command,> <id or prefix or all>
cc: <delete,> <response,> <id or prefix or all> | <exec,> <command>... | <exec-once,> <command>... | <exitcode,> <id> <vm name, hostname, or uuid>
cc: <filter,> [filter]... | <listen,> <port> | <log,> level <debug,info,warn,error,fatal> | <prefix,> [prefix] | <process,> <kill,> <pid or all>
cc: <process,> <killall,> <name> | <process,> <list,> <vm name, uuid or all> | <recv,> <file>... | <responses,> <id or prefix or all> [raw,]
cc: <rtunnel,> <src port> <host> <dst port> | <send,> <file>... | <test-conn,> <tcp,udp> <ip or fqdn> <port> wait <timeout> [base64 udp packet]
cc: <tunnel,> <close,> <vm name or uuid> <id> | <tunnel,> <list,> <vm name, uuid, or all> | <tunnel,> <vm name or uuid> <src port> <host> <dst port>
cc: mount | mount <uuid or name> [path]
check: .
debug: . | <cpu,> <start,> <file> | <cpu,> <stop,> | <goroutine,> <file> | <memory,> <file>
deploy: <flags,> [minimega flags]... | <launch,> <hosts> | <launch,> <hosts> <user> [sudo,] | <stderr,> [path] | <stdout,> [path]
disk: <inject,> <image> <delete,> files <files like /path/to/src,/path/to/src>...
disk: <inject,> <image> <options,> <options> <delete,> files <files like /path/to/src,/path/to/src>
disk: <inject,> <image> <options,> <options> files <files like /path/to/src:/path/to/dst>
disk: <inject,> <image> files <files like /path/to/src:/path/to/dst>... | <rebase,> <image> [backing file] | <set-backing,> <image> [backing file]
disk: commit <image> | create <qcow2,raw> <image name> <size> | info <image> [recursive,] | resize <image> <size> | snapshot <image> [dst image]
dnsmasq: . | configure <ID> <dns,> | configure <ID> <dns,> <ip> <hostname> | configure <ID> <dns,> <upstream,>
dnsmasq: configure <ID> <dns,> <upstream,> server <ip> | configure <ID> <ip,> | configure <ID> <ip,> <mac address> <ip> | configure <ID> <options,>
dnsmasq: configure <ID> <options,> <optionstring> | kill <id or all> | start <config>
dnsmasq: start <listen address> <low dhcp range> <high dhcp range> [config]
echo: [args]...
file: <delete,> <file> | <get,> <file> | <list,> | <list,> <path> [recursive,] | <status,> | <stream,> <file>
help: [command]...
history: .
host: . | <androidvms,> | <cpucommit,> | <cpus,> | <load,> | <memcommit,> | <memtotal,> | <memused,> | <name,> | <netcommit,> | <rx,> | <tx,>
host: <uptime,> | <vmlimit,> | <vms,>
log: file [file] | filter [filter] | level [debug,info,warn,error,fatal] | mesh [node] | ring [size] | stderr [true,false] | syslog <local,>
log: syslog remote <tcp,udp> <address>
mesh: degree [degree] | dial <hostname> | dot <filename> | hangup <hostname> | list [all,peers] | send <hostname or range or all> (command) | status
mesh: timeout [timeout]
namespace: <name> (command) | [name]
ns: <add-hosts,> <hostname or range or all> | <bridge,> <bridge> [vxlan,gre] | <del-bridge,> <bridge> | <del-hosts,> <hostname or range or all>
ns: <flush,> | <hosts,> | <load,> | <load,> <cpucommit,> | <load,> <memcommit,> | <load,> <netcommit,> | <queue,> | <queueing,> [true,false]
ns: <run,> (command) | <save,> [name] | <schedule,> | <schedule,> <dry-run,> | <schedule,> <dump,> | <schedule,> <mv,> <vm target> <dst>
ns: <schedule,> <status,> | <snapshot,> [name]
nuke: .
optimize: . | <affinity,> <filter,> <filter> | <affinity,> [true,false] | <hugepages,> [path] | <ksm,> [true,false]
pipe: . | <pipe> <data> | <pipe> <log,> <true,false> | <pipe> <mode,> <all,round-robin,random> | <pipe> <via,> <command>...
plumb: . | <src> <dst>...
qos: <add,> <vm target> <interface> <delay,> <duration> | <add,> <vm target> <interface> <loss,> <percent>
qos: <add,> <vm target> <interface> <rate,> <bw> <kbit,mbit,gbit>
quit: [delay]
read: <file> [check,]
router: <vm> | <vm> <commit,> | <vm> <dhcp,> <listen address> <dns,> <address> | <vm> <dhcp,> <listen address> <range,> <low address> <high address>
router: <vm> <dhcp,> <listen address> <router,> <router address> | <vm> <dhcp,> <listen address> <static,> <mac> <ip> | <vm> <dns,> <ip> <hostname>
router: <vm> <fw,> <accept,drop,reject> <in,out> <index> <dst> <proto> | <vm> <fw,> <accept,drop,reject> <in,out> <index> <src> <dst> <proto>
router: <vm> <fw,> <default,> <accept,drop> | <vm> <fw,> chain <chain> <default,> action <accept,drop,reject>
router: <vm> <fw,> chain <chain> action <accept,drop,reject> <dst> <proto> | <vm> <fw,> chain <chain> action <accept,drop,reject> <src> <dst> <proto>
router: <vm> <fw,> chain <chain> apply <in,out> <index> | <vm> <gw,> <gw> | <vm> <interface,> <network> <IPv4/MASK or IPv6/MASK or dhcp> [lo,]
router: <vm> <log,> <level,> <fatal,error,warn,info,debug> | <vm> <ra,> <subnet> | <vm> <rid,> <id>
router: <vm> <route,> <bgp,> <processname> <export,> <all,filter> <filtername> | <vm> <route,> <bgp,> <processname> <local,neighbor> <IPv4> <asnumber>
router: <vm> <route,> <bgp,> <processname> <rrclient,> | <vm> <route,> <ospf,> <area> <export,> <Ipv4/Mask or staticroutename>
router: <vm> <route,> <ospf,> <area> <network> | <vm> <route,> <ospf,> <area> <network> <option> <value>
router: <vm> <route,> <static,> <network> <next-hop> [staticroutename] | <vm> <upstream,> <ip>
shell: <command>...
status: updates [frequency]
tap: . | <create,> <vlan> | <create,> <vlan> <dhcp,> [tap name] | <create,> <vlan> bridge <bridge> | <create,> <vlan> bridge <bridge> <dhcp,> [tap name]
tap: <create,> <vlan> bridge <bridge> ip <ip> [tap name] | <create,> <vlan> bridge <bridge> name [tap name] | <create,> <vlan> ip <ip> [tap name]
tap: <create,> <vlan> name <tap name> | <delete,> <tap name or all> | <mirror,> <src name> <dst name> [bridge]
tap: <mirror,> <vm name> <interface index> <vm2 name> <interface2 index>
version: .
viz: <filename>
vlans: . | <add,> <alias> <vlan> | <blacklist,> [vlan] | <range,> | <range,> <min> <max>
vnc: . | <continue,> <vm target> | <getstep,> <vm target> | <inject,> <vm target> <cmd> | <pause,> <vm target> | <play,> <vm target> <filename>
vnc: <record,> <kb,fb> <vm name> <filename> | <step,> <vm target> | <stop,> <kb,fb> <vm name> | <stop,> <vm target> | <type,> <vm target> <str>...
write: <file>
vm: <flush,> | <flush,> <vm target> | <kill,> <vm target> | <start,> <vm target> | <stop,> <vm target> | cdrom <change,> <vm target> <path> [force,]
vm: cdrom <eject,> <vm target> [force,] | hotplug | hotplug <add,> <vm target> <filename> [version]
vm: hotplug <add,> <vm target> <filename> serial <serial> [version] | hotplug <remove,> <vm target> <disk id or all> | info [summary,] | launch
vm: launch <android,> <name or count> [config] | launch <container,> <name or count> [config] | launch <kvm,> <name or count> [config] | migrate
vm: migrate <vm name> <filename> | net <add,> <vm target> [netspec]...
vm: net <bond,> <vm target> <interface indexes> <active-backup,balance-slb,balance-tcp> <active,passive,off> [qinq,]
vm: net <bond,> <vm target> <interface indexes> <active-backup,balance-slb,balance-tcp> <active,passive,off> name <name> [qinq,]
vm: net <bond,> <vm target> <interface indexes> <active-backup,balance-slb,balance-tcp> <active,passive> <no-lacp-fallback,> [qinq,]
vm: net <bond,> <vm target> <interface indexes> <active-backup,balance-slb,balance-tcp> <active,passive> <no-lacp-fallback,> name <name> [qinq,]
vm: net <connect,> <vm target> <tap position> <vlan> [bridge] | net <disconnect,> <vm target> <tap position> | qmp <vm name> <qmp command> | save
vm: save <vm name> | save <vm name> <filename> | screenshot <vm name> [maximum dimension] | screenshot <vm name> file <filename> [maximum dimension]
vm: snapshot | snapshot <vm name> <state filename> <disk filename> | tag <vm target> <key> <value> | tag <vm target> [key or all] | top [duration]
vm config: android-adb [value] | android-avd [value] | android-avd-dir [value] | android-console-base-port [value] | android-emulator [value]
vm config: android-sdk [value] | cdrom [value] | colocate [value] | cores [value] | coschedule [value] | cpu [value] | fifos [value]
vm config: filesystem [value] | hostname [value] | initrd [value] | kernel [value] | machine [value] | memory [value] | migrate [value]
vm config: preinit [value] | qemu [value] | schedule [value] | serial-ports [value] | sockets [value] | state [value] | threads [value]
vm config: tpm-socket [value] | uuid [value] | vcpus [value] | vga [value] | virtio-ports [value] | android-no-window [true,false]
vm config: android-writable-system [true,false] | backchannel [true,false] | bidirectional-copy-paste [true,false] | snapshot [true,false]
vm config: usb-use-xhci [true,false] | . | <clone,> <vm name> | <restore,> [name] | <save,> <name> | android-extra-args [value]... | append [value]...
vm config: bonds [bondspec]... | disks [diskspec]... | init [value]... | networks [netspec]... | qemu-append [value]... | qemu-override
vm config: qemu-override <match> <replacement> | tags | tags <key> [value] | volume | volume <key> [value]
clear: all | background-status | capture [netflow,pcap] | deploy flags | history | namespace [name] | optimize | optimize <affinity,> [filter,]
clear: optimize <hugepages,> | optimize <ksm,> | pipe <pipe> <log,> | pipe <pipe> <mode,> | pipe <pipe> <via,> | pipe [pipe] | plumb [pipeline]...
clear: qos <vm target> [tap index] | tap | tap <mirror,> <vm name> <interface index or all> | tap <mirror,> [name] | vlans [prefix] | vnc
clear cc: . | <commands,> | <filter,> | <prefix,> | <responses,> | mount [uuid or name or path]
clear log: . | <file,> | <filter,> | <level,> | <mesh,> | <ring,> | <stderr,> | <syslog,>
clear vm: net bond <vm target> [name] | tag | tag <vm target> [tag]
clear vm config: . | tag <key> | android-adb | android-avd | android-avd-dir | android-console-base-port | android-emulator | android-extra-args
clear vm config: android-no-window | android-sdk | android-writable-system | append | backchannel | bidirectional-copy-paste | bonds | cdrom | colocate
clear vm config: cores | coschedule | cpu | disks | fifos | filesystem | hostname | init | initrd | kernel | machine | memory | migrate | networks
clear vm config: preinit | qemu | qemu-append | qemu-override | schedule | serial-ports | snapshot | sockets | state | tags | threads | tpm-socket
clear vm config: usb-use-xhci | uuid | vcpus | vga | virtio-ports | volume
clear router: . | <vm> | <vm> <dhcp,> | <vm> <dhcp,> <listen address> | <vm> <dhcp,> <listen address> <dns,> | <vm> <dhcp,> <listen address> <range,>
clear router: <vm> <dhcp,> <listen address> <router,> | <vm> <dhcp,> <listen address> <static,> | <vm> <dhcp,> <listen address> <static,> <mac>
clear router: <vm> <dns,> | <vm> <dns,> <ip> | <vm> <fw,> | <vm> <gw,> | <vm> <interface,> | <vm> <interface,> <network>
clear router: <vm> <interface,> <network> <IPv4/MASK or IPv6/MASK or dhcp or all> [lo,] | <vm> <ra,> | <vm> <ra,> <subnet> | <vm> <rid,> | <vm> <route,>
clear router: <vm> <route,> <bgp,> <processname> | <vm> <route,> <bgp,> <processname> <local,neighbor> | <vm> <route,> <bgp,> <processname> <rrclient,>
clear router: <vm> <route,> <ospf,> | <vm> <route,> <ospf,> <area> | <vm> <route,> <ospf,> <area> <export,> <Ipv4/Mask or staticroutename>
clear router: <vm> <route,> <ospf,> <area> <network> | <vm> <route,> <static,> <network or all> [staticroutename] | <vm> <route,> <static,namedstatic>
clear router: <vm> <upstream,>
`;

/** Every pattern, in minimega's notation (core/commands/pattern). */
export const minimegaPatterns: readonly string[] = grammar
  .trim()
  .split('\n')
  .flatMap((line) => {
    const [lead = '', ends = ''] = line.split(/: (.*)/);
    return ends.split(' | ').map((end) => (end === '.' ? lead : `${lead} ${end}`));
  });
