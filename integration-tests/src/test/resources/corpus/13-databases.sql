create extension dblink

-- A copy of files, with changes in the copy and in what it was copied from.
create function elsewhere(db text, command text) returns text language sql as $$
  select dblink_exec(format('host=127.0.0.1 port=%s user=%s dbname=%s', current_setting('port'),
    current_user, db), command)
$$

select elsewhere('postgres', format('create database %I', current_database() || '_template'))

select elsewhere(current_database() || '_template',
  'create table copied (id int primary key, t text)')

select elsewhere(current_database() || '_template',
  'insert into copied select i, repeat(''c'', i) from generate_series(1, 500) i')

select elsewhere(current_database() || '_template', 'vacuum copied')

select elsewhere('postgres', format('create database %I template %I %s',
  current_database() || '_files', current_database() || '_template',
  case when current_setting('server_version_num')::int >= 150000 then 'strategy file_copy' end))

select elsewhere(current_database() || '_files', 'update copied set t = ''changed'' where id < 90')

select elsewhere(current_database() || '_files', 'create table own (id serial primary key)')

select elsewhere(current_database() || '_files', 'vacuum full pg_class')

select elsewhere(current_database() || '_template', 'delete from copied where id > 300')

-- The same page by page through the log, from 15 on.
select elsewhere('postgres', format('create database %I template %I %s',
  current_database() || '_log', current_database() || '_template',
  case when current_setting('server_version_num')::int >= 150000 then 'strategy wal_log' end))

select elsewhere(current_database() || '_log', 'delete from copied where id < 90')

select elsewhere(current_database() || '_log', 'vacuum copied')

select elsewhere(current_database() || '_log', 'create table own (id serial primary key)')

select elsewhere('postgres', format('alter database %I rename to %I', current_database() || '_log',
  current_database() || '_renamed'))

select elsewhere('postgres', format('drop database %I', current_database() || '_files'))

-- Tablespaces, which are gone again at the end.
select elsewhere('postgres', format('alter role %I set allow_in_place_tablespaces = on',
  current_user))

select elsewhere('postgres', format('create tablespace %I location %L',
  current_database() || '_space', ''))

select elsewhere(current_database() || '_renamed', format('alter table copied set tablespace %I',
  current_database() || '_space'))

select elsewhere(current_database() || '_renamed', 'insert into copied values (1000, ''moved'')')

select elsewhere('postgres', format('create database %I tablespace %I',
  current_database() || '_there', current_database() || '_space'))

select elsewhere(current_database() || '_there', 'create table t as select 1 i')

select elsewhere('postgres', format('alter database %I set tablespace pg_default',
  current_database() || '_there'))

select elsewhere('postgres', format('drop database %I', current_database() || '_there'))

select elsewhere(current_database() || '_renamed',
  'alter table copied set tablespace pg_default')

select elsewhere('postgres', format('drop tablespace %I', current_database() || '_space'))

select elsewhere('postgres', format('alter role %I reset allow_in_place_tablespaces',
  current_user))

select elsewhere('postgres', format('drop database %I', current_database() || '_renamed'))
