#!/usr/bin/env bash
# Makes the package that packet-handler.yaml installs: the program, its unit, and what they need, as they lie below /.
# Usage: package.sh RECORDER OUT.tar.gz      prints the SHA-256 for the parameter PackageSha256
set -euo pipefail
if [ $# -ne 2 ]; then
  echo "usage: $0 RECORDER OUT.tar.gz" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

install -D -m 0755 "$1" "$root/usr/local/bin/recorder"
install -D -m 0644 "$here/recorder.service" "$root/etc/systemd/system/recorder.service"
install -D -m 0644 "$here/recorder.sysctl.conf" "$root/etc/sysctl.d/60-recorder.conf"
install -D -m 0644 "$here/recorder.sysusers.conf" "$root/usr/lib/sysusers.d/recorder.conf"
install -D -m 0600 "$here/recorder.env" "$root/etc/recorder/recorder.env"
install -D -m 0644 "$here/recorder-interface.conf" "$root/usr/share/doc/recorder/recorder-interface.conf"
install -D -m 0644 "$here/README.md" "$root/usr/share/doc/recorder/README.md"

# The same program gives the same bytes.
tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "$root" usr etc |
  gzip --no-name > "$2"
sha256sum "$2" | cut -d ' ' -f 1
