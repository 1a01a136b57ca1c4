#!/bin/bash
# SPDX-License-Identifier: MIT
# sqlite3: tables, indexes, sorting, blobs; same output as without libhakmem.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need sqlite3
make_work
cat >"$WORK/script" <<'SQL'
create table t(id integer primary key, name text, data blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
insert into t select i, 'name ' || (i * 7919 % 60000), zeroblob(i % 900) from n;
create index by_name on t(name);
update t set data = zeroblob(length(data) + 10) where id % 3 = 0;
delete from t where id % 5 = 0;
select count(*), sum(length(data)), min(name), max(name) from t;
select a.name from t a join t b on a.name = 'name ' || b.id order by a.name desc limit 5;
select group_concat(name) from (select name from t order by name limit 50);
pragma integrity_check;
vacuum;
select hex(substr(data, 1, 4)), length(data) from t where id = 59999;
SQL
sqlite3 "$WORK/a.db" <"$WORK/script" >"$WORK/expected" || fail "sqlite3 fails without libhakmem"
witnessed sqlite3 "$WORK/b.db" <"$WORK/script" >"$WORK/got" || fail "sqlite3 failed under libhakmem"
cmp "$WORK/expected" "$WORK/got" || fail "the output differs"
grep -qx ok "$WORK/got" || fail "integrity_check is not ok"
served_by_hakmem '[^ ]*sqlite3[^ ]*'
echo "sqlite3: same output as without, integrity ok, served by libhakmem"
