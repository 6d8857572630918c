#!/usr/bin/env bash
# Makes the golden files of this directory anew with a real PostgreSQL 15 (with lz4 and zstd).
#   make.sh [BIN-DIRECTORY]     default: /usr/lib/postgresql/15/bin
# Run as root it becomes the user postgres for the server. The files differ from run to run
# (system id, times); the tests know only what is in them. Never edit them by hand.
set -euo pipefail
bin=${1:-/usr/lib/postgresql/15/bin}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
port=$((20000 + RANDOM % 20000))
if [ "$(id -u)" = 0 ]; then
  chown postgres "$work"
  as() { setpriv --reuid=postgres --regid=postgres --clear-groups env -C "$work" "$@"; }
else
  as() { env -C "$work" "$@"; }
fi
trap 'as "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# Segments of 1 MiB: many segment borders in little WAL. Ids just before the end of a page of
# pg_xact and pg_multixact, so that the next pages come to be.
as "$bin/initdb" -D "$work/data" --wal-segsize=1 -A trust -U postgres --no-locale -E UTF8 >/dev/null
as "$bin/pg_resetwal" -x 32750 -m 2046,1 -O 1630 "$work/data" >/dev/null
cat >>"$work/data/postgresql.conf" <<CONF
port = $port
listen_addresses = ''
unix_socket_directories = '$work'
wal_level = logical
max_prepared_transactions = 10
track_commit_timestamp = on
autovacuum = off
checkpoint_timeout = 1d
max_wal_size = 1GB
wal_keep_size = 1GB
fsync = off
allow_in_place_tablespaces = on
CONF
as "$bin/pg_ctl" -D "$work/data" -w -l "$work/log" start >/dev/null
sql() { as "$bin/psql" -h "$work" -p "$port" -U postgres -v ON_ERROR_STOP=1 -qAtX "$@"; }
start=$(sql -c "select pg_current_wal_insert_lsn()")

sql >/dev/null <<'SQL'
create table t (id int primary key, v text, pad text);
insert into t select i, 'v' || i, repeat('x', i % 90) from generate_series(1, 400) i;
begin; insert into t values (1001); savepoint a; insert into t values (1002); savepoint b;
insert into t values (1003); rollback to b; insert into t values (1004); commit;
begin; insert into t values (2001); rollback;
create table gone (i int primary key, big text); insert into gone values (1, 'x'); drop table gone;
begin; create table gone2 (i int); insert into gone2 values (1); rollback;
vacuum (freeze) t;
update t set v = v || 'y' where id % 7 = 0;
vacuum t;
delete from t where id between 290 and 300;
delete from t where id > 300;
vacuum t;
create table cut as select i, repeat('y', 50) y from generate_series(1, 1000) i;
delete from cut where i > 50;
vacuum cut;
insert into t values (1001);
begin; insert into t values (1501); savepoint a; insert into t values (1502); rollback;
begin; select 1 from t where id = 5 for key share; prepare transaction 'holds a row';
select 1 from t where id = 5 for key share;
begin; select 1 from t where id = 5 for key share; prepare transaction 'holds it too';
select 1 from t where id = 5 for key share;
commit prepared 'holds it too';
rollback prepared 'holds a row';
create table p (i int);
begin; savepoint s; insert into p values (1); savepoint s2; insert into p values (2); drop table p;
create table p2 (i int); prepare transaction 'drops p';
commit prepared 'drops p';
create sequence s; select nextval('s') from generate_series(1, 40);
select pg_replication_origin_create('elsewhere');
select pg_replication_origin_session_setup('elsewhere');
begin; select pg_replication_origin_xact_setup('7/77', '2020-01-01 00:00:00Z');
insert into t values (6001); commit;
select pg_replication_origin_session_reset();
select pg_replication_origin_advance('elsewhere', '7/99');
select pg_replication_origin_drop('elsewhere');
select pg_logical_emit_message(true, 'prefix', 'message');
select pg_create_restore_point('a point');
create tablespace ts location ''; drop tablespace ts;
create database copied strategy file_copy; drop database copied;
vacuum full pg_class;
truncate t;
begin; insert into t values (5001); prepare transaction 'left over';
select pg_switch_wal();
SQL
# Full-page images, each kind of compression. The index pages in the log are those in the file.
for method in off pglz lz4 zstd; do
  sql >/dev/null <<SQL
set wal_compression = $method;
create table c_$method as select i, md5(i::text) m, repeat(chr(97 + i % 5), 30) r
  from generate_series(1, 700) i;
create index i_$method on c_$method (r, m);
checkpoint;
update c_$method set r = 'z' where i % 40 = 0;
SQL
done
# One record over many pages and a segment border, and a burst of subtransactions.
sql >/dev/null <<'SQL'
select pg_logical_emit_message(false, 'long', repeat('0123456789', 120000));
create table sub (i int);
do $$ begin for i in 1..200 loop begin insert into sub values (i); exception when others then end;
end loop; end $$;
select pg_switch_wal();
insert into sub values (0);
SQL
for method in off pglz lz4 zstd; do
  sql -c "select '$method', pg_relation_filepath('i_$method')" >>"$work/indexes"
done
as "$bin/pg_ctl" -D "$work/data" -w -m fast stop >/dev/null

# The log from its first record to the shutdown checkpoint, segments joined.
first=$(ls "$work/data/pg_wal" | grep -E '^[0-9A-F]{24}$' | head -1)
as "$bin/pg_waldump" -p "$work/data/pg_wal" "$first" 2>/dev/null \
  $(ls "$work/data/pg_wal" | grep -E '^[0-9A-F]{24}$' | tail -1) >"$work/waldump.txt" || true
last_lsn=$(tail -1 "$work/waldump.txt" | sed -E 's/.*lsn: ([0-9A-F]+\/[0-9A-F]+).*/\1/')
last=$(printf '%08X%08X%08X' 1 0 $((16#${last_lsn#*/} / 1048576)))
for f in $(ls "$work/data/pg_wal" | grep -E '^[0-9A-F]{24}$'); do
  [[ $f > $last ]] || cat "$work/data/pg_wal/$f"
done | gzip -9n >"$here/wal.gz"
gzip -9n <"$work/waldump.txt" >"$here/waldump.txt.gz"
gzip -9n <"$work/data/global/pg_control" >"$here/pg_control.gz"
as env LC_ALL=C TZ=UTC "$bin/pg_controldata" "$work/data" >"$here/pg_controldata.txt"
cp "$work/data/base/1/pg_filenode.map" "$here/pg_filenode.map"
while IFS='|' read -r method path; do
  gzip -9n <"$work/data/$path" >"$here/index_$method.gz"
  echo "$method ${path#base/}"
done <"$work/indexes" >"$here/indexes.txt"
rm -f "$here"/twophase_*
twophase=$(ls "$work/data/pg_twophase")
cp "$work/data/pg_twophase/$twophase" "$here/twophase_$twophase"
(cd "$work/data" && find . | sed 's|^\./||' | LC_ALL=C sort) >"$here/files.txt"
echo "first record at or after $start, last at $last_lsn; segments $first to $last"
