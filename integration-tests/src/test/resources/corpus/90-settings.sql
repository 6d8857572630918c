create table settings_rows as select i as id from generate_series(1, 100) i

alter system set full_page_writes = off

select pg_reload_conf()

select pg_sleep(0.3)

checkpoint

alter system set full_page_writes = on

select pg_reload_conf()

select pg_sleep(0.3)

checkpoint

update settings_rows set id = id + 1

alter system reset full_page_writes

select pg_reload_conf()

drop table settings_rows
