#!/usr/bin/env bash
# Makes pg_control.gz and pg_filenode.map of another major than 15 anew, in vMAJOR beside this file.
#   make-majors.sh MAJOR BIN-DIRECTORY
# Run as root it becomes the user postgres for initdb. Never edit the files by hand.
set -euo pipefail
major=$1 bin=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
as=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$work"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" -D "$work/data" -A trust -U postgres --no-sync --locale=C -E UTF8 >/dev/null
mkdir -p "$here/v$major"
gzip -9nc "$work/data/global/pg_control" >"$here/v$major/pg_control.gz"
cp "$work/data/global/pg_filenode.map" "$here/v$major/pg_filenode.map"
chmod 644 "$here/v$major"/*
