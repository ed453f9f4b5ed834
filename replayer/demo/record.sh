#!/bin/sh
# Records the demo's capture again: real nginx, real clients, and a mirror through a real VXLAN device, in three network
# namespaces of this machine. README.md beside this file says what comes out and why it is set up so.
#
#   replayer/demo/record.sh [OUT.pcap.zst]        as root; default replayer/demo/capture.pcap.zst
#
# REPLAYER names the executable that serves the demo's service; default target/release/replayer.
# Debian: apt-get install iproute2 ethtool tcpdump nginx-light curl python3 zstd
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/capture.pcap.zst}
replayer=${REPLAYER:-$here/../../target/release/replayer}
work=$(mktemp -d)
client=reprise-client-$$ gateway=reprise-gateway-$$ handler=reprise-handler-$$
started=

clean_up() {
    # Only what this script started, by process id, and the namespaces that it made; devices go with them.
    for pid in $started; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    for ns in $client $gateway $handler; do ip netns delete "$ns" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

inside() { ip netns exec "$@"; }

# Waits until the command succeeds, five seconds at most.
await() {
    for _ in $(seq 50); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "record.sh: gave up waiting for: $*" >&2
    exit 1
}

# client ---- gateway ---- handler: two cables, addresses on each.
for ns in $client $gateway $handler; do
    ip netns add "$ns"
    inside "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "$ns" link set lo up
done
ip -n $client link add c0 type veth peer name g0 netns $gateway
ip -n $gateway link add u0 type veth peer name h0 netns $handler
# The cable to the handler carries whole mirrored frames: 1,514 bytes and 50 of VXLAN.
ip -n $gateway link set u0 mtu 1600
ip -n $handler link set h0 mtu 1600
ip -n $gateway address add 10.20.0.1/24 dev g0
for last in 10 11 12 13 14 15 20 30; do ip -n $client address add 10.20.0.$last/24 dev c0; done
ip -n $gateway address add 10.30.0.1/24 dev u0
ip -n $handler address add 10.30.0.2/24 dev h0
ip -n $client link set c0 up
ip -n $gateway link set g0 up
ip -n $gateway link set u0 up
ip -n $handler link set h0 up

# The mirror session: both directions of the gateway's interface, as VXLAN network 7301, to the handler.
ip -n $gateway link add mirror0 type vxlan id 7301 local 10.30.0.1 remote 10.30.0.2 dstport 4789 nolearning dev u0
ip -n $gateway link set mirror0 mtu 1550
ip -n $gateway link set mirror0 up
# Virtual cables leave the cutting into packets and the checksums to a card that is not there: do both in the kernel.
inside $client ethtool -K c0 tx off tso off gso off gro off >/dev/null
for device in g0 u0 mirror0; do inside $gateway ethtool -K $device tx off tso off gso off gro off >/dev/null; done
inside $gateway tc qdisc add dev g0 clsact
for direction in ingress egress; do
    inside $gateway tc filter add dev g0 $direction protocol ip u32 match u32 0 0 \
        action mirred egress mirror dev mirror0
done

ip netns exec $handler tcpdump -q -Z root -i h0 -s 0 -U -w "$work/capture.pcap" udp dst port 4789 2>"$work/tcpdump.log" &
started="$started $!"
ip netns exec $gateway "$replayer" demo --serve 127.0.0.1:9000 &
started="$started $!"
ip netns exec $gateway nginx -p "$work" -c "$here/nginx.conf" &
started="$started $!"
await grep -q 'listening on' "$work/tcpdump.log"
await inside $gateway curl -sf http://127.0.0.1:9000/v1/titles/1001
await inside $gateway curl -sf http://127.0.0.1:80/v1/titles/1001

inside $client python3 "$here/client.py"

# The last packets are on their way; tcpdump ends at the signal with everything that it has seen.
sleep 1
for pid in $started; do kill "$pid"; done
wait
started=
grep -E 'captured|dropped' "$work/tcpdump.log"
zstd -q -f -19 --no-progress "$work/capture.pcap" -o "$out"
ls -l "$out"
