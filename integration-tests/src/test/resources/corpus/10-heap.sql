-- Inserts on new and old pages, cold and hot updates with and without common parts, deletes.
create table account (id int primary key, owner text, balance bigint, filler text)
  with (fillfactor = 70)

insert into account select i, 'owner ' || i, 0, repeat('x', i % 150) from generate_series(1, 400) i

update account set balance = balance + id where id % 3 = 0

update account set owner = 'someone quite else', balance = -1 where id % 7 = 0

update account set id = id + 10000 where id % 11 = 0

update account set filler = null where id % 13 = 0

update account set filler = repeat('y', 900) where id % 17 = 0

delete from account where id % 5 = 0

select count(*) from account where balance > 0

update account set balance = balance + 1 where id < 200

update account set balance = balance + 1 where id < 200

select count(*) from account where id < 300

update account set balance = balance + 1 where id < 200

vacuum account

insert into account select i, 'after vacuum', 0, 'z' from generate_series(20001, 20060) i

checkpoint

update account set balance = 5 where id between 20001 and 20010

vacuum (freeze, disable_page_skipping) account

-- Bits of the visibility map are cleared: by lock, update of both pages, delete, insert.
begin

select id from account where id = 20002 for update

commit

begin

select id from account where id = 20003 for share

rollback

update account set filler = repeat('w', 700) where id in (1, 2, 20004)

delete from account where id = 20005

insert into account values (30000, 'new', 1, '')

-- Aborted and nested transactions.
begin

insert into account select i, 'lost', 0, '' from generate_series(40000, 40050) i

rollback

begin

insert into account values (50001, 'kept', 0, '')

savepoint one

insert into account values (50002, 'lost', 0, '')

rollback to one

savepoint two

update account set balance = 77 where id = 50001

release two

select id from account where id = 50001 for update

commit

-- Locks of several transactions on one row, and on a row's newer version.
create table locked (id int primary key, v int)

insert into locked select i, 0 from generate_series(1, 50) i

-- session 1
begin

-- session 1
select id from locked where id <= 10 for key share

begin

select id from locked where id <= 10 for share

update locked set v = 1 where id = 11

-- session 2
begin

-- session 2
select id from locked where id between 5 and 11 for key share

commit

-- session 1
commit

update locked set v = v + 1 where id between 8 and 12

-- session 2
commit

begin

update locked set v = 9 where id = 20

-- session 2
begin

-- session 2
select id from locked where id = 20 for key share

rollback

-- session 2
commit

-- A chain of versions, of which each gets the lock: the first is seen by an old snapshot.
-- session 3
begin isolation level repeatable read

-- session 3
select count(*) from locked

update locked set v = v + 1 where id = 40

update locked set v = v + 1 where id = 40

begin

update locked set v = v + 1 where id = 40

-- session 3
select id from locked where id = 40 for key share

commit

-- session 3
commit

-- A lock takes back the traces of an update that was aborted.
begin

update locked set v = 8 where id in (30, 31)

rollback

begin

select id from locked where id in (30, 31) for update

commit

-- Frozen bits are cleared where a lock leaves a newer version be.
vacuum (freeze) locked

begin

select id from locked where id between 1 and 5 for key share

-- session 1
begin

-- session 1
select id from locked where id between 3 and 8 for key share

commit

-- session 1
commit

vacuum (freeze) locked

-- Speculative insertion: confirmed, and taken back because another session was faster.
create extension dblink

create table upsert (key text, data text)

create function wait_in_turn(text) returns text immutable language plpgsql as $$
begin
  if current_setting('spec.session', true) <> '' then
    if pg_try_advisory_xact_lock(current_setting('spec.session')::int, 1) then
      perform pg_advisory_xact_lock(current_setting('spec.session')::int, 2);
    else
      perform pg_advisory_xact_lock(current_setting('spec.session')::int, 3);
    end if;
  end if;
  return $1;
end $$

create unique index on upsert (wait_in_turn(key))

insert into upsert values ('plain', 'v') on conflict do nothing

insert into upsert values ('plain', 'v') on conflict (wait_in_turn(key)) do update set data = 'w'

select dblink_connect(name, format('host=127.0.0.1 port=%s user=%s dbname=%s',
    current_setting('port'), current_user, current_database()))
  from unnest(array['a', 'b']) name

select dblink_exec('a', 'set spec.session = 1'), dblink_exec('b', 'set spec.session = 2')

select pg_advisory_lock(s, l) from generate_series(1, 2) s, generate_series(1, 3) l

select dblink_send_query('a', $$insert into upsert values ('k1', 'from a')
  on conflict (wait_in_turn(key)) do update set data = upsert.data || ' and a'$$)

select pg_sleep(0.2)

select dblink_send_query('b', $$insert into upsert values ('k1', 'from b')
  on conflict (wait_in_turn(key)) do update set data = upsert.data || ' and b'$$)

select pg_sleep(0.2)

select pg_advisory_unlock(1, 1), pg_advisory_unlock(2, 1),
  pg_advisory_unlock(1, 3), pg_advisory_unlock(2, 3)

select pg_sleep(0.3)

select pg_advisory_unlock(2, 2)

select pg_sleep(0.3)

select pg_advisory_unlock(1, 2)

select * from dblink_get_result('a') as t(r text)

select * from dblink_get_result('b') as t(r text)

select dblink_disconnect(name) from unnest(array['a', 'b']) name

drop extension dblink

-- Rows that move to another partition.
create table parted (id int, v text) partition by range (id)

create table parted_low partition of parted for values from (0) to (100)

create table parted_high partition of parted for values from (100) to (200)

insert into parted select i, 'p' from generate_series(1, 30) i

update parted set id = id + 100 where id < 10

drop table parted

-- Many tuples a record, on new and old pages, frozen at once, and long values out of line.
create table copied (a int, b text)

copy copied from program 'seq 1 600 | sed "s/.*/&\tvalue &/"'

insert into copied values (0, 'between')

copy copied from program 'seq 1 60 | sed "s/.*/&\tvalue &/"'

vacuum copied

copy copied from program 'seq 1 5 | sed "s/.*/&\tvalue &/"'

begin

create table frozen (a int, b text)

copy frozen from program 'seq 1 500 | sed "s/.*/&\tvalue &/"' with (freeze)

commit

insert into frozen values (0, 'clears a bit')

vacuum frozen

create table long_values (id serial primary key, v text)

alter table long_values alter v set storage external

insert into long_values (v) select repeat(chr(65 + i), 5000) from generate_series(1, 6) i

update long_values set v = repeat('!', 4500) where id = 3

delete from long_values where id = 4

vacuum long_values

-- Pruning with redirections, dead and unused items; vacuum of what pruning left; truncation.
create table churn (id int primary key, n int) with (fillfactor = 50)

insert into churn select i, 0 from generate_series(1, 250) i

do $$ begin
  for i in 1..6 loop
    update churn set n = n + 1 where id % 4 <> 0;
    commit;
  end loop;
end $$

delete from churn where id % 3 = 0

select sum(n) from churn

vacuum churn

insert into churn select i, 0 from generate_series(1000, 1100) i

delete from churn where id > 150

vacuum churn

insert into churn select i, 0 from generate_series(2000, 2300) i

-- Pruned and frozen at once, with several ways to freeze on a page.
begin

update churn set n = -1 where id % 5 = 0

savepoint one

update churn set n = -2 where id % 7 = 0

rollback to one

delete from churn where id % 11 = 0

commit

begin

select id from churn where id % 13 = 0 for update

commit

vacuum (freeze, index_cleanup off) churn

vacuum (freeze, index_cleanup on) churn

truncate churn

insert into churn select i, 0 from generate_series(1, 20) i

-- Rows of catalogs, whose commands are noted for decoding; and the map of the old to the new place
-- of rows that a rewrite moves.
create table decoded (id int primary key, v text) with (user_catalog_table = true)

insert into decoded select i, 'd' from generate_series(1, 30) i

do $$ begin
  if current_setting('wal_level') = 'logical' then
    perform pg_create_logical_replication_slot('slot_' || current_database(), 'test_decoding');
  end if;
end $$

update decoded set v = 'e' where id < 10

delete from decoded where id > 20

vacuum full decoded

cluster decoded using decoded_pkey

select pg_drop_replication_slot(slot_name) from pg_replication_slots
  where slot_name = 'slot_' || current_database()

-- Sequences, rewrites, relations that are not logged.
create sequence counter cache 5

select nextval('counter') from generate_series(1, 80)

select setval('counter', 5000)

alter sequence counter increment 7

create table rewritten (id int primary key, a int)

insert into rewritten select i, i from generate_series(1, 300) i

alter table rewritten alter a type bigint

alter table rewritten add c int default 3

alter table rewritten add d text default random()::text

cluster account using account_pkey

vacuum full account

create materialized view summed as select owner, count(*) from account group by 1

refresh materialized view summed

create unlogged table unlogged (id int primary key)

insert into unlogged select generate_series(1, 50)

alter table unlogged set logged

alter table unlogged set unlogged

analyze account
