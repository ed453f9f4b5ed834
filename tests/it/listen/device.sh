#!/usr/bin/env bash
# Two network namespaces with a veth pair between them: the recorder here; there a vxlan device that sends to it, and
# tcpreplay, which sends a capture into that. Bounded in time by the test.
# Usage: device.sh RECORDER FOLDER EXCHANGES      FOLDER holds traffic.pcap; prints the recorder's last metrics and its log
set -euo pipefail
recorder=$1 folder=$2 exchanges=$3

ip link set lo up
unshare --net sleep 300 &
peer=$!
until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
there() { nsenter --net --target "$peer" "$@"; }

# Wide enough for a full frame with what it is wrapped in.
ip link add name veth-a mtu 9000 type veth peer name veth-b mtu 9000
ip link set veth-b netns "$peer"
ip address add 10.77.0.1/24 dev veth-a
ip link set veth-a up
there ip address add 10.77.0.2/24 dev veth-b
there ip link set veth-b up
there ip link add mirror type vxlan id 4242 remote 10.77.0.1 dstport 4789 dev veth-b
there ip link set mirror up

"$recorder" listen --quiet --archive "$folder/archive" --vxlan 10.77.0.1:4789 --shards 2 --metrics 127.0.0.1:9090 \
  2> "$folder/log" &
process=$!
metrics() { curl -sS --noproxy '*' --max-time 10 http://127.0.0.1:9090/; }
await() { # NAME LEAST: until a metric has grown
  for _ in $(seq 300); do
    value=$(metrics 2> /dev/null | sed -n "s/^$1 //p") || true
    [ "${value:-0}" -ge "$2" ] && return
    sleep 0.1
  done
  metrics | grep -v -e '^#' -e ' 0$' >&2
  echo "$1 did not reach $2" >&2
  exit 1
}
await recorder_healthy 1
there tcpreplay --quiet --intf1 mirror --pps 2000 "$folder/traffic.pcap" > "$folder/tcpreplay.log" 2>&1 ||
  { cat "$folder/tcpreplay.log" >&2; exit 1; }
await 'recorder_exchanges_total{completeness="complete"}' "$exchanges"
metrics
kill -TERM "$process"
wait "$process"
cat "$folder/log"
