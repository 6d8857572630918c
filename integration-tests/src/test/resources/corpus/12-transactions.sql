create table ledger (id int primary key, v text)

insert into ledger select i, 'v' from generate_series(1, 5000) i

-- Subtransactions: kept, lost, nested, and more than a server keeps track of in memory.
begin

insert into ledger values (10001, 'top')

savepoint a

insert into ledger values (10002, 'a')

savepoint b

insert into ledger values (10003, 'b')

rollback to b

release a

commit

do $$ begin
  for i in 1..200 loop
    begin
      insert into ledger values (20000 + i, 'sub');
      if i % 3 = 0 then
        raise exception 'lost';
      end if;
    exception when raise_exception then null;
    end;
  end loop;
end $$

begin

do $$ begin
  for i in 1..100 loop
    begin
      insert into ledger values (30000 + i, 'lost');
    exception when unique_violation then null;
    end;
  end loop;
end $$

rollback

-- Prepared: committed and rolled back, with subtransactions, with relations made and dropped.
begin

insert into ledger values (40001, 'prepared')

savepoint a

insert into ledger values (40002, 'prepared')

release a

prepare transaction 'kept'

commit prepared 'kept'

begin

insert into ledger values (40003, 'prepared')

create table never (i int primary key)

insert into never values (1)

prepare transaction 'lost'

rollback prepared 'lost'

create table gone (i int primary key, big text)

insert into gone values (1, repeat('x', 5000))

begin

drop table gone

select id from ledger where id < 20 for update

notify nothing

rollback

begin

drop table gone

prepare transaction 'drops'

checkpoint

commit prepared 'drops'

begin

select id from ledger where id between 100 and 110 for key share

prepare transaction 'locks'

begin

select id from ledger where id between 105 and 115 for key share

commit

commit prepared 'locks'

-- Relations that end with their transaction.
begin

create table brief (i serial primary key, t text)

insert into brief (t) select repeat('b', 3000) from generate_series(1, 20)

rollback

create table dropped (i serial primary key, t text)

insert into dropped (t) values ('d')

drop table dropped

create temporary table own (i int primary key)

insert into own values (1)

-- Multixacts of two and more members, of every kind of lock, and so many that their pages end.
-- session 1
begin

-- session 1
select id from ledger where id between 1 and 30 for key share

-- session 2
begin

-- session 2
select id from ledger where id between 10 and 40 for share

-- session 3
begin

-- session 3
select id from ledger where id between 20 and 50 for key share

update ledger set v = 'non-key' where id between 1 and 9

begin

select id from ledger where id between 41 and 50 for no key update

commit

-- session 1
commit

-- session 2
commit

-- session 3
commit

-- session 1
begin

-- session 1
select count(*) from (select id from ledger where id between 1000 and 3999 for key share) s

do $$ begin
  for i in 1000..3999 loop
    begin
      perform id from ledger where id = i for key share;
    exception when unique_violation then null;
    end;
  end loop;
end $$

-- session 1
commit

vacuum (freeze) ledger

-- More transaction ids than a page of their status holds.
do $$ begin
  create table busy (i int);
  for i in 1..33000 loop
    begin
      insert into busy values (i);
    exception when unique_violation then null;
    end;
  end loop;
end $$

drop table busy

-- Messages for decoding; origins of changes from elsewhere.
select pg_logical_emit_message(true, 'corpus', 'in a transaction'),
  pg_logical_emit_message(false, 'corpus', 'at once'),
  pg_logical_emit_message(false, 'corpus', repeat('long', 5000))

select pg_replication_origin_create('origin of ' || current_database())

select pg_replication_origin_session_setup('origin of ' || current_database())

begin

select pg_replication_origin_xact_setup('0/1234', now())

insert into ledger values (50001, 'replicated')

commit

begin

select pg_replication_origin_xact_setup('0/2234', now())

insert into ledger values (50002, 'replicated')

prepare transaction 'replicated'

commit prepared 'replicated'

select pg_replication_origin_session_reset()

select pg_replication_origin_advance('origin of ' || current_database(), '0/3234')

select pg_replication_origin_drop('origin of ' || current_database())

-- Notes about the log itself.
select pg_create_restore_point('corpus')

do $$ begin
  if current_setting('server_version_num')::int >= 150000 then
    execute 'select pg_backup_start(''corpus'', true)';
    execute 'select pg_backup_stop(false)';
  else
    execute 'select pg_start_backup(''corpus'', true, false)';
    execute 'select pg_stop_backup(false, false)';
  end if;
end $$

checkpoint

-- Catalogs whose file is found through a map that is logged; and files that are cut.
vacuum full pg_class

vacuum full pg_proc

reindex table pg_type

create table cut (i int, t text)

insert into cut select i, repeat('t', 200) from generate_series(1, 2000) i

delete from cut where i > 100

vacuum cut

begin

truncate cut

insert into cut values (1, 'new file')

rollback

select lo_create(0), lo_from_bytea(0, repeat('large', 2000)::bytea)
