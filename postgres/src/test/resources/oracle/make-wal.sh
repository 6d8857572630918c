#!/bin/bash
# Runs the oracle workload on a new cluster of a real Postgres and keeps all its WAL.
#
#   make-wal.sh BIN OUT ROUNDS INITDB_OPTIONS SETTING=VALUE...
#
# BIN is the directory of initdb, pg_ctl and psql; PSQL may name another psql, and WORKLOAD another
# file here than workload.sql. The first round runs in a database that is there
# from the start, each later one in a new copy of that. Leaves OUT/base, the data directory before,
# and OUT/data, the one after a clean stop, with every WAL segment from then on in OUT/data/pg_wal.
# Postgres refuses to run as root: started as root, this becomes the user postgres.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$1 out=$2 rounds=$3 initdb_options=$4
shift 4

mkdir -p "$out"
cp "$here/${WORKLOAD:-workload.sql}" "$out/workload.sql"
psql=${PSQL:-$bin/psql}
if [ "$(id -u)" = 0 ]; then
  chown -R postgres "$out"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
else
  as=()
fi
cd "$out"

# shellcheck disable=SC2086
"${as[@]}" "$bin/initdb" -D data -U postgres -A trust --no-sync --locale=C -E UTF8 $initdb_options > initdb.log
"${as[@]}" tee -a data/postgresql.conf > settings.log <<CONF
listen_addresses = ''
unix_socket_directories = '$out'
autovacuum = off
fsync = off
shared_buffers = 64MB
max_prepared_transactions = 5
wal_consistency_checking = all
wal_keep_size = 10GB
max_wal_size = 10GB
bgwriter_lru_maxpages = 0
CONF
for setting in "$@"; do
  echo "${setting/=/ = }" | "${as[@]}" tee -a data/postgresql.conf >> settings.log
done
ctl() { "${as[@]}" "$bin/pg_ctl" -D data -w "$@" >> pg_ctl.log 2>&1; }
sql() { "${as[@]}" "$psql" -X -q -v ON_ERROR_STOP=1 -h "$out" -U postgres "$@" >> psql.log; }
trap 'ctl -m immediate stop || true' EXIT

ctl -l server.log start
sql -d postgres -c 'CREATE DATABASE template_work'
sql -d template_work -c 'CREATE EXTENSION dblink' -c 'CREATE EXTENSION bloom'
sql -d postgres -c 'CREATE DATABASE work_1 TEMPLATE template_work'
ctl -m fast stop
"${as[@]}" cp -r data base

ctl -l server.log start
sql -d work_1 -f workload.sql
for ((round = 2; round <= rounds; round++)); do
  sql -d postgres -c "CREATE DATABASE work_$round TEMPLATE template_work STRATEGY wal_log"
  sql -d "work_$round" -f workload.sql
done
ctl -m fast stop
trap - EXIT
