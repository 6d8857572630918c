package io.coppice.cli.demo;

import static io.coppice.cli.demo.Narrator.check;
import static io.coppice.cli.demo.Narrator.checkSame;

import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.Texts;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.compute.bootstrap.BootstrapSpec;
import io.coppice.compute.bootstrap.ClusterBootstrap;
import io.coppice.compute.endpoint.EndpointState;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The steps, in order; each tells what it did and checks what it claims. */
final class DemoStory {
  private static final int CLIENTS = 8;
  private static final int LOAD_SECONDS = 10;
  private static final int SECONDS_BEFORE_KILL = 2;
  private static final int SECONDS_AFTER_KILL = 4;
  private static final String KILLED = "safekeeper-2";
  private static final long REPLAY_TIMEOUT_MILLIS = 120_000;

  private final DemoCluster cluster;
  private final PostgresInstallation postgres;
  private final Narrator narrator;
  private final Clock clock;
  private final int rows;
  private final PageserverClient pageserver;

  DemoStory(
      DemoCluster cluster,
      PostgresInstallation postgres,
      PageserverClient pageserver,
      Narrator narrator,
      Clock clock,
      int rows) {
    this.cluster = cluster;
    this.postgres = postgres;
    this.pageserver = pageserver;
    this.narrator = narrator;
    this.clock = clock;
    this.rows = rows;
  }

  /** A state to come back to. */
  private record Noted(Lsn lsn, Instant time, long rows, long balance, long history) {}

  /** A page of the accounts table, as it was at an LSN. */
  private record NotedPage(RelationTag relation, ByteBuffer page) {}

  void tellAll()
      throws StorageException, CommandFailure, IOException, SQLException, InterruptedException {
    TenantInfo tenant = makeCluster();
    EndpointState main = startMain(tenant);
    try (Sql sql = connect(main)) {
      fill(sql);
      load(sql, main);
      Noted noted = note(sql);
      NotedPage page = notePage(sql, tenant, noted);
      deleteEverything(sql, tenant.id());
      BranchInfo atLsn = branch(tenant.id(), "at-lsn", new BranchPoint.AtLsn(noted.lsn()));
      BranchInfo atTime = branch(tenant.id(), "at-time", new BranchPoint.AtTime(noted.time()));
      EndpointState first = startBranch(atLsn, noted);
      EndpointState second = startBranch(atTime, noted);
      writeOnBranch(sql, first, second, noted);
      killSafekeeper(main);
      readOldPage(sql, tenant, noted, page);
    }
  }

  private TenantInfo makeCluster()
      throws StorageException, IOException, InterruptedException, CommandFailure {
    cluster.startStorage();
    narrator.tell(
        "Storage runs: %d safekeepers and a page server, each a process of its own",
        DemoCluster.SAFEKEEPERS);
    TenantInfo tenant =
        ClusterBootstrap.create(
            BootstrapSpec.of(
                Ids.newTenantId(Ids.secureRandom()),
                "demo",
                Ids.newTimelineId(Ids.secureRandom()),
                postgres,
                RunAs.resolve(Optional.empty()),
                cluster.config().dataDir().resolve("bootstrap")),
            pageserver,
            clock);
    narrator.tell(
        "Cluster created by initdb of PostgreSQL %s%s and imported at LSN %s",
        postgres.version(), postgres.embedded() ? " (embedded)" : "", tenant.root().startLsn());
    return tenant;
  }

  private EndpointState startMain(TenantInfo tenant)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    EndpointState main = cluster.startEndpoint(tenant.root());
    narrator.tell(
        "An unmodified PostgreSQL serves branch main (%s), started in %,d ms",
        main.connectionString("postgres"), main.durations().totalMillis());
    return main;
  }

  private static String url(EndpointState endpoint) {
    return "jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres".formatted(endpoint.port());
  }

  private static Sql connect(EndpointState endpoint) throws SQLException {
    return Sql.connect(url(endpoint));
  }

  private void fill(Sql sql) throws SQLException {
    Lsn before = lsn(sql);
    long startedMillis = clock.monotonicMillis();
    sql.run(
        "create table accounts (id int, balance int not null, filler char(84) not null)"
            // Autovacuum may otherwise give the emptied table's pages back before they are shown.
            + " with (autovacuum_enabled = off)",
        "insert into accounts select id, 0, '' from generate_series(1, %d) id".formatted(rows),
        "alter table accounts add primary key (id)",
        "create table history (account int, delta int, made_at timestamptz)");
    narrator.tell(
        "A table of %s rows committed through the quorum: %s of WAL in %.1f s",
        Texts.count(rows),
        Texts.size(lsn(sql).minus(before)),
        (clock.monotonicMillis() - startedMillis) / 1e3);
  }

  private static Lsn lsn(Sql sql) throws SQLException {
    return Lsn.parse(sql.text("select pg_current_wal_flush_lsn()"));
  }

  private void load(Sql sql, EndpointState main)
      throws SQLException, InterruptedException, CommandFailure {
    DemoLoad load = DemoLoad.start(url(main), CLIENTS, rows, clock);
    pause(LOAD_SECONDS);
    load.stop();
    narrator.tell(
        "Load like pgbench -N, %d clients, %d s: %s transactions, %s per second, each on 2 of 3"
            + " safekeepers before it returned",
        CLIENTS,
        LOAD_SECONDS,
        Texts.count(load.commits()),
        Texts.count(load.commits() / LOAD_SECONDS));
    checkSame("rows of history", load.commits(), sql.number("select count(*) from history"));
    checkSame(
        "the sum of all balances",
        load.deltaSum(),
        sql.number("select sum(balance) from accounts"));
  }

  private static void pause(int seconds) throws InterruptedException {
    var _ = new CountDownLatch(1).await(seconds, TimeUnit.SECONDS);
  }

  private Noted note(Sql sql) throws SQLException, CommandFailure {
    Lsn lsn = lsn(sql);
    Noted noted = state(sql, lsn, clock.now());
    narrator.tell(
        "Noted: LSN %s, time %s: %s accounts, %s rows of history, balance %s",
        noted.lsn(),
        Texts.time(noted.time()),
        Texts.count(noted.rows()),
        Texts.count(noted.history()),
        Texts.count(noted.balance()));
    checkSame("accounts", (long) rows, noted.rows());
    return noted;
  }

  private static Noted state(Sql sql, Lsn lsn, Instant time) throws SQLException {
    return new Noted(
        lsn,
        time,
        sql.number("select count(*) from accounts"),
        sql.number("select coalesce(sum(balance), 0) from accounts"),
        sql.number("select count(*) from history"));
  }

  private NotedPage notePage(Sql sql, TenantInfo tenant, Noted noted)
      throws SQLException, StorageException {
    RelationTag relation =
        new RelationTag(
            RelationTag.DEFAULT_TABLESPACE_OID,
            (int) sql.number("select oid from pg_database where datname = current_database()"),
            (int) sql.number("select pg_relation_filenode('accounts')"),
            Fork.MAIN.number());
    return new NotedPage(
        relation,
        ByteBuffer.wrap(pageserver.getPage(tenant.root().id(), relation, 0, noted.lsn())));
  }

  private void deleteEverything(Sql sql, TenantId tenant)
      throws SQLException, StorageException, CommandFailure {
    int deleted = sql.run("delete from accounts");
    checkSame("accounts after the DELETE", 0L, sql.number("select count(*) from accounts"));
    long startedMillis = clock.monotonicMillis();
    pageserver.waitForLsn(tenant, "main", lsn(sql), REPLAY_TIMEOUT_MILLIS);
    narrator.tell(
        "Oops: DELETE FROM accounts, without WHERE: %s rows gone (the page server has replayed it"
            + " %,d ms later)",
        Texts.count(deleted), clock.monotonicMillis() - startedMillis);
  }

  private BranchInfo branch(TenantId tenant, String name, BranchPoint at) throws StorageException {
    long startedNanos = clock.monotonicNanos();
    BranchInfo branch =
        pageserver.createBranch(tenant, Ids.newTimelineId(Ids.secureRandom()), name, "main", at);
    double tookMillis = (clock.monotonicNanos() - startedNanos) / 1e6;
    String where =
        switch (at) {
          case BranchPoint.Newest() -> "now";
          case BranchPoint.AtLsn _ -> "LSN " + branch.startLsn();
          case BranchPoint.AtTime(Instant time) ->
              "time %s (LSN %s)".formatted(Texts.time(time), branch.startLsn());
        };
    narrator.tell("Branch %s created at %s in %.1f ms", name, where, tookMillis);
    return branch;
  }

  private EndpointState startBranch(BranchInfo branch, Noted noted)
      throws StorageException, CommandFailure, IOException, InterruptedException, SQLException {
    EndpointState endpoint = cluster.startEndpoint(branch);
    try (Sql sql = connect(endpoint)) {
      Noted found = state(sql, noted.lsn(), noted.time());
      checkSame("the state of branch " + branch.name(), noted, found);
      narrator.tell(
          "PostgreSQL on branch %s, started in %,d ms, has all %s accounts, %s rows of history and"
              + " the same balance",
          branch.name(),
          endpoint.durations().totalMillis(),
          Texts.count(found.rows()),
          Texts.count(found.history()));
    }
    return endpoint;
  }

  private void writeOnBranch(Sql main, EndpointState first, EndpointState second, Noted noted)
      throws SQLException, CommandFailure {
    String count = "select count(*) from accounts";
    try (Sql written = connect(first);
        Sql other = connect(second)) {
      written.run("insert into accounts values (0, 42, 'only here')");
      long onBranch = written.number(count);
      long onOther = other.number(count);
      long onMain = main.number(count);
      narrator.tell(
          "A row written on branch %s: it has %s accounts, %s has %s, and main has %s",
          first.branch(),
          Texts.count(onBranch),
          second.branch(),
          Texts.count(onOther),
          Texts.count(onMain));
      checkSame("accounts on the branch written to", noted.rows() + 1, onBranch);
      checkSame("accounts on the other branch", noted.rows(), onOther);
      checkSame("accounts on main", 0L, onMain);
    }
  }

  private void killSafekeeper(EndpointState main)
      throws SQLException, InterruptedException, CommandFailure {
    DemoLoad load = DemoLoad.start(url(main), CLIENTS, rows, clock);
    pause(SECONDS_BEFORE_KILL);
    cluster.kill9(KILLED);
    long before = load.commits();
    var _ = load.takeLongestPauseMillis();
    pause(SECONDS_AFTER_KILL);
    long after = load.commits() - before;
    long pauseMillis = load.takeLongestPauseMillis();
    load.stop();
    narrator.tell(
        "%s killed with -9 under load: %s commits in the %d s before, %s in the %d s after; longest"
            + " pause %d ms",
        KILLED,
        Texts.count(before),
        SECONDS_BEFORE_KILL,
        Texts.count(after),
        SECONDS_AFTER_KILL,
        pauseMillis);
    check(after > 0, "no commit returned after a safekeeper of three was killed");
  }

  private void readOldPage(Sql sql, TenantInfo tenant, Noted noted, NotedPage before)
      throws StorageException, SQLException, CommandFailure {
    byte[] old = pageserver.getPage(tenant.root().id(), before.relation(), 0, noted.lsn());
    pageserver.waitForLsn(tenant.id(), "main", lsn(sql), REPLAY_TIMEOUT_MILLIS);
    byte[] newest = pageserver.getPage(tenant.root().id(), before.relation(), 0, Lsn.MAX);
    narrator.tell(
        "Page 0 of accounts read over gRPC as of LSN %s: last changed at %s, not a byte different"
            + " from before the DELETE; the newest version is of %s",
        noted.lsn(), pageLsn(old), pageLsn(newest));
    check(before.page().equals(ByteBuffer.wrap(old)), "the page at the old LSN has changed");
    check(pageLsn(old).isAtOrBefore(noted.lsn()), "the old page is of a later LSN");
    check(
        pageLsn(newest).isAfter(noted.lsn()),
        "the newest page is of LSN %s, not a later one",
        pageLsn(newest));
  }

  /** The first eight bytes of a page: high half, low half. */
  private static Lsn pageLsn(byte[] page) {
    ByteBuffer header = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
    return new Lsn(((header.getInt(0) & 0xFFFF_FFFFL) << 32) | (header.getInt(4) & 0xFFFF_FFFFL));
  }
}
