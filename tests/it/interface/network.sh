#!/usr/bin/env bash
# Two network namespaces with a veth pair between them: curl and the recorder here, nginx there. Bounded in time by the test.
# Usage: network.sh RECORDER FOLDER fetch|load|stall|down|missing FLAGS…      prints the recorder's log and its last metrics
set -euo pipefail
recorder=$1 folder=$2 what=$3
shift 3
tests=$(cd "$(dirname "$0")/../.." && pwd)

ip link set lo up
unshare --net sleep 300 &
peer=$!
until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
there() { nsenter --net --target "$peer" "$@"; }

ip link add name veth-a type veth peer name veth-b
ip link set veth-b netns "$peer"
address() { # DEVICE HOST, here or there
  ip address add "10.77.0.$2/24" dev "$1"
  ip -6 address add "fd77::$2/64" dev "$1" nodad
  ip link set "$1" up
}
address veth-a 1
there bash -c "$(declare -f address); address veth-b 2"

# Where every packet is counted, nothing passes that nobody asked for: no neighbour discovery in IPv6, and none in IPv4.
quiet() { # DEVICE PEER MAC
  echo 1 > "/proc/sys/net/ipv6/conf/$1/disable_ipv6"
  ip neighbour replace "$2" lladdr "$3" dev "$1" nud permanent
}
rest() { # until every connection of ours is over: its last packets may come after its last bytes
  for _ in $(seq 300); do
    awk '$2 ~ /^01004D0A:/ && $4 != "06" { open = 1 } END { exit open }' /proc/net/tcp && return
    sleep 0.1
  done
}
passed() { # packets that have passed the interface, both ways
  rest
  sed -n 's/^ *veth-a: *//p' /proc/net/dev | awk '{ print $2 + $10 }'
}
if [ "$what" = load ] || [ "$what" = stall ]; then
  mac_of() { "$@" ip -o link show | sed -n 's/.*veth-[ab].*link.ether \([^ ]*\).*/\1/p'; }
  quiet veth-a 10.77.0.2 "$(mac_of there)"
  there bash -c "$(declare -f quiet); quiet veth-b 10.77.0.1 $(mac_of command)"
fi

head -c 20000000 /dev/zero > "$folder/large"
head -c 3000 /dev/zero > "$folder/small"
cat > "$folder/nginx.conf" <<END
user root; daemon off; master_process off; pid $folder/nginx.pid; error_log $folder/nginx.log;
events {}
http {
  access_log off;
  # Folders of the system belong to users that do not exist in here.
  client_body_temp_path $folder/body; proxy_temp_path $folder/proxy; fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
  server {
    listen 80; listen [::]:80;
    # Every answer says which it is, as no other does.
    add_header X-Number \$connection-\$connection_requests;
    location / { return 200 "answer"; }
    location = /large { alias $folder/large; }
    location = /small { alias $folder/small; }
  }
}
END
there nginx -p "$folder" -c "$folder/nginx.conf" 2> /dev/null &
fetch() { curl -sS --noproxy '*' --max-time 60 --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null "$@"; }
fetch http://10.77.0.2/ready

before=$(passed)
interface=veth-a
[ "$what" = missing ] && interface=no-such
"$recorder" listen --quiet --archive "$folder/archive" --interface "$interface" --metrics 127.0.0.1:9090 "$@" \
  2> "$folder/log" &
process=$!
if [ "$what" = missing ]; then
  wait "$process" || true
  cat "$folder/log"
  exit 0
fi
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

case $what in
  fetch)
    for number in $(seq 10 29); do
      fetch "http://10.77.0.2/$number" -o /dev/null "http://[fd77::2]/$number"
    done
    # Frames with two tags, as a switch's mirror port has them: the kernel takes the outer one off.
    there python3 "$tests/python/send_frames.py" "$tests/golden/vlan_in_vlan.pcap" veth-b
    await 'recorder_exchanges_total{completeness="complete"}' 41
    ;;
  load)
    h2load --h1 -n 4000 -c 12 -t 1 http://10.77.0.2/ http://10.77.0.2/small > "$folder/h2load"
    grep -q '4000 succeeded, 0 failed' "$folder/h2load"
    await 'recorder_exchanges_total{completeness="complete"}' 4000
    ;;
  stall)
    kill -STOP "$process"
    fetch http://10.77.0.2/large
    kill -CONT "$process"
    await recorder_frames_dropped_total 1
    ;;
  down)
    fetch http://10.77.0.2/before
    await 'recorder_exchanges_total{completeness="complete"}' 1
    ip link set veth-a down
    for _ in $(seq 100); do
      grep -q 'is down or gone' "$folder/log" && break
      sleep 0.1
    done
    ip link set veth-a up
    fetch http://10.77.0.2/after
    nginx -p "$folder" -c "$folder/nginx.conf" 2> /dev/null &
    fetch http://127.0.0.1/lo
    await 'recorder_exchanges_total{completeness="complete"}' 3
    ;;
esac
metrics
echo "passed $(($(passed) - before))"
kill -TERM "$process"
wait "$process"
cat "$folder/log"
