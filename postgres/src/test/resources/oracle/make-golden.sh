#!/bin/bash
# Makes the golden corpus of a major version anew: WAL of the workload, and the pages it builds on.
#
#   make-golden.sh BIN OUT [SETTING=VALUE...]
#
# BIN is the directory of initdb, pg_ctl and psql, OUT the file to write; PSQL and WORKLOAD as for
# make-wal.sh. Those of other majors than 15 have WORKLOAD=workload-small.sql and the settings
# full_page_writes=off wal_level=replica. The module's test classes
# must be compiled, and its test class path be in the file target/test-classpath.txt:
#   ./mvnw -pl postgres -am test-compile dependency:build-classpath \
#     -Dmdep.outputFile=target/test-classpath.txt
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
module=$(cd "$here/../../../.." && pwd)
bin=$1 out=$2
shift 2
if [ $# = 0 ]; then
  set -- full_page_writes=on wal_level=logical wal_log_hints=on
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

"$here/make-wal.sh" "$bin" "$work/server" 1 --wal-segsize=1 "$@"
"${JAVA_HOME:-$("$module/../scripts/java-home")}/bin/java" \
  --enable-native-access=ALL-UNNAMED \
  -cp "$module/target/test-classes:$module/target/classes:$(cat "$module/target/test-classpath.txt")" \
  io.coppice.postgres.verify.GoldenCorpusMaker "$work/server" "$out"
ls -l "$out"
