-- SPDX-License-Identifier: MIT
-- The number of rows comes from the table scale, which bench/scripts/programs.sh makes.
create table t(id integer primary key, name text, data blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < (select rows from scale))
insert into t select i, 'name ' || (i * 7919 % 60000), zeroblob(i % 300) from n;
create index by_name on t(name);
update t set data = zeroblob(length(data) + 10) where id % 3 = 0;
delete from t where id % 5 = 0;
select count(*), sum(length(data)), min(name), max(name) from t;
select count(*) from t a join t b on a.name = 'name ' || b.id;
select length(group_concat(name)) from (select name from t order by data, name desc);
select count(*) from (select substr(name, 1, 8), json_group_array(id) from t group by 1);
.quit
