package io.coppice.pageserver.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.fixture.FakeSafekeeper;
import io.coppice.pageserver.fixture.Records;
import io.coppice.pageserver.fixture.TinyCluster;
import io.coppice.pageserver.server.Servers.PageStream;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.PostgresTime;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.wal.WalStreamWriter;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.GetRelSizeRequest;
import io.coppice.proto.page.ReadLsn;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.CreateBranchRequest;
import io.coppice.proto.v1.FlushBranchRequest;
import io.coppice.proto.v1.LsnAtTimeRequest;
import io.coppice.proto.v1.LsnAtTimeResponse;
import io.coppice.proto.v1.TimeAtLsnRequest;
import io.coppice.proto.v1.TimeAtLsnResponse;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** WAL from safekeepers that stall, lie, die and come back; and what can be read meanwhile. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
final class FollowingTest {
  private static final RelationTag TABLE = TinyCluster.TABLE;
  private static final Instant NOON = Instant.parse("2026-01-01T12:00:00Z");

  @TempDir Path directory;

  private final TinyCluster cluster = new TinyCluster();
  private final WalStreamWriter wal = cluster.wal();
  private FakeSafekeeper one;
  private FakeSafekeeper two;
  private Servers servers;

  @BeforeEach
  void start() throws Exception {
    one = new FakeSafekeeper(Servers.ROOT, cluster.end());
    two = new FakeSafekeeper(Servers.ROOT, cluster.end());
    servers = new Servers(directory, 20_000).follows(one.address()).follows(two.address()).start();
    servers.importTar(cluster.tar());
  }

  @AfterEach
  void stop() {
    servers.close();
    one.close();
    two.close();
  }

  /** Writes a page and commits; the end of the commit. */
  private Lsn write(int block, int end, Instant time) {
    Records.heapPage(wal, 900 + end, TABLE, block, end);
    Records.commit(wal, 900 + end, PostgresTime.fromInstant(time));
    return wal.position();
  }

  private void sendToBoth() {
    byte[] bytes = wal.takeBytes();
    one.append(bytes);
    two.append(bytes);
  }

  private GetPageResponse page(TenantTimelineId timeline, int block, Lsn lsn) throws Exception {
    return servers.stream(timeline).ask(Servers.request(1, TABLE, lsn, block));
  }

  private static int lastByteOfRow(GetPageResponse response) {
    assertThat(response.getReason()).isEmpty();
    byte[] page = response.getPage(0).getImage().toByteArray();
    int pointer = Page.linePointer(page, 1);
    return page[Page.itemOffset(pointer) + Page.itemLength(pointer) - 1];
  }

  private static void eventually(BooleanSupplier holds) throws InterruptedException {
    for (int i = 0; i < 600 && !holds.getAsBoolean(); i++) {
      TimeUnit.MILLISECONDS.sleep(50);
    }
    assertThat(holds.getAsBoolean()).isTrue();
  }

  @Test
  void walArrivesAndOldPagesStay() throws Exception {
    Lsn first = write(1, 5, NOON);
    Lsn second = write(1, 6, NOON.plusSeconds(1));
    sendToBoth();
    servers.await(second);
    assertThat(lastByteOfRow(page(Servers.ROOT, 1, second))).isEqualTo(6);
    assertThat(lastByteOfRow(page(Servers.ROOT, 1, first))).isEqualTo(5);
    assertThat(page(Servers.ROOT, 1, cluster.end()).getPage(0).getImage().byteAt(8_191))
        .isEqualTo((byte) 2);
  }

  @Test
  void sizesAreThoseOfTheLsnAskedFor() throws Exception {
    assertThat(size(cluster.end())).isEqualTo(3);
    Lsn grown = sent(7, 1);
    servers.await(grown);
    assertThat(size(Lsn.MAX)).isEqualTo(8);
    assertThat(size(cluster.end())).isEqualTo(3);
    assertThat(size(grown)).isEqualTo(8);
    assertThat(page(Servers.ROOT, 5, grown).getPage(0).getImage().toByteArray()).containsOnly(0);
    Lsn again = sent(9, 1);
    servers.await(again);
    assertThat(size(again)).isEqualTo(10);
    assertThat(size(grown)).isEqualTo(8);
  }

  private int size(Lsn lsn) {
    return servers
        .pages(Servers.ROOT)
        .getRelSize(
            GetRelSizeRequest.newBuilder()
                .setRel(Servers.tag(TABLE))
                .setReadLsn(ReadLsn.newBuilder().setRequestLsn(lsn.value()))
                .build())
        .getNumBlocks();
  }

  @Test
  void requestsBehindOneThatWaitKeepTheirOrder() throws Exception {
    Lsn next = write(0, 9, NOON);
    PageStream stream = servers.stream(Servers.ROOT);
    stream.send(Servers.request(1, TABLE, Lsn.MAX, 0));
    stream.send(Servers.request(2, TABLE, next, 0));
    stream.send(Servers.request(3, TABLE, cluster.end(), 0));
    assertThat(stream.next().getRequestId().getId()).isEqualTo(1);
    sendToBoth();
    assertThat(lastByteOfRow(stream.next())).isEqualTo(9);
    assertThat(stream.next().getRequestId().getId()).isEqualTo(3);
    assertThat(stream.ask(Servers.request(4, TABLE, Lsn.MAX, 0)).getRequestId().getId())
        .isEqualTo(4);
    assertThat(stream.complete().isOk()).isTrue();
  }

  @Test
  void leavesSafekeeperThatStallsForOneThatDoesNot() throws Exception {
    one.stall();
    Lsn end = write(0, 1, NOON);
    byte[] bytes = wal.takeBytes();
    one.append(bytes);
    two.append(bytes);
    servers.await(end);
    assertThat(two.streamsOpened()).isPositive();
  }

  @Test
  void goesOnWhenItsSafekeeperDiesAndWhenItComesBack() throws Exception {
    servers.await(sent(0, 1));
    one.close();
    servers.await(sent(0, 2));
    two.close();
    one.listen();
    servers.await(sent(0, 3));
    two.listen();
    assertThat(lastByteOfRow(page(Servers.ROOT, 0, Lsn.MAX))).isEqualTo(3);
  }

  private Lsn sent(int block, int end) {
    Lsn lsn = write(block, end, NOON);
    sendToBoth();
    return lsn;
  }

  @Test
  void damagedWalOfOneSafekeeperIsTakenFromAnother() throws Exception {
    one.damage(cluster.end().plus(30));
    two.stall();
    Lsn end = sent(0, 1);
    TimeUnit.MILLISECONDS.sleep(300);
    assertThat(servers.await(cluster.end()).getLastRecordLsn()).isEqualTo(cluster.end().value());
    two.recover();
    servers.await(end);
    assertThat(lastByteOfRow(page(Servers.ROOT, 0, Lsn.MAX))).isEqualTo(1);
  }

  @Test
  void damageEverywhereStopsThatTimelineAndSaysWhere() throws Exception {
    Lsn good = sent(0, 1);
    servers.await(good);
    one.damage(good.plus(30));
    two.damage(good.plus(30));
    Lsn bad = sent(0, 2);
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 20; i++) {
                servers.await(bad);
              }
            })
        .satisfies(failure -> {
          Status status = Status.fromThrowable(failure);
          assertThat(status.getDescription()).contains(good.toString());
        });
    eventually(() -> {
      try {
        servers.await(bad);
        return false;
      } catch (StatusRuntimeException e) {
        return e.getStatus().getCode() == Status.Code.DATA_LOSS
            && String.valueOf(e.getMessage()).contains("damaged on every safekeeper");
      }
    });
    assertThat(lastByteOfRow(page(Servers.ROOT, 0, good))).isEqualTo(1);
  }

  @Test
  void recordThatCannotBeReplayedFailsItsPageOnly() throws Exception {
    wal.append(
        ResourceManager.CUSTOM_MIN,
        0x20,
        0,
        Records.body(new byte[0], new Records.Block(0, TABLE, 0, 0, new byte[] {1})));
    Lsn end = sent(1, 1);
    servers.await(end);
    GetPageResponse response = page(Servers.ROOT, 0, end);
    assertThat(response.getStatusCode())
        .isEqualTo(GetPageStatusCode.GET_PAGE_STATUS_CODE_INTERNAL_ERROR);
    assertThat(response.getReason()).contains("custom128");
    assertThat(lastByteOfRow(page(Servers.ROOT, 1, end))).isEqualTo(1);
  }

  @Test
  void idleTimelineHoldsNoStreamAndWakes() throws Exception {
    servers.await(sent(0, 1));
    eventually(() -> one.streamsOpen() + two.streamsOpen() == 0);
    servers.await(sent(0, 2));
    assertThat(one.streamsOpened() + two.streamsOpened()).isGreaterThanOrEqualTo(2);
  }

  @Test
  void safekeeperHearsHowFarItIs() throws Exception {
    Lsn end = sent(0, 1);
    servers.await(end);
    eventually(() ->
        Math.max(one.feedback().getLastRecordLsn(), two.feedback().getLastRecordLsn())
            == end.value());
  }

  @Test
  void restartGoesOnWhereItWas() throws Exception {
    Lsn first = sent(0, 1);
    servers.await(first);
    servers
        .timelines()
        .flushBranch(
            FlushBranchRequest.newBuilder()
                .setTenantId(Servers.ROOT.tenant().toString())
                .setBranch("main")
                .build());
    Lsn second = sent(1, 2);
    servers.await(second);
    servers.stop();
    Lsn third = sent(2, 3);
    servers.start();
    servers.await(third);
    assertThat(lastByteOfRow(page(Servers.ROOT, 0, first))).isEqualTo(1);
    assertThat(lastByteOfRow(page(Servers.ROOT, 1, Lsn.MAX))).isEqualTo(2);
    assertThat(lastByteOfRow(page(Servers.ROOT, 2, Lsn.MAX))).isEqualTo(3);
  }

  @Test
  void timesBecomeCommitsAndBack() throws Exception {
    Lsn a = write(0, 1, NOON);
    Lsn b = write(0, 2, NOON.plusSeconds(10));
    // A clock that went back: nothing may be left out that was committed before b.
    Lsn c = write(0, 3, NOON.plusSeconds(5));
    Lsn d = write(0, 4, NOON.plusSeconds(20));
    sendToBoth();
    servers.await(d);
    assertAt(NOON.minusNanos(1_000), cluster.end(), LsnAtTimeResponse.Kind.KIND_PAST);
    assertAt(NOON, a, LsnAtTimeResponse.Kind.KIND_PRESENT);
    assertAt(NOON.plusSeconds(5), a, LsnAtTimeResponse.Kind.KIND_PRESENT);
    assertAt(NOON.plusSeconds(10), c, LsnAtTimeResponse.Kind.KIND_PRESENT);
    assertAt(NOON.plusSeconds(20).minusNanos(1_000), c, LsnAtTimeResponse.Kind.KIND_PRESENT);
    assertAt(NOON.plusSeconds(20), d, LsnAtTimeResponse.Kind.KIND_FUTURE);
    TimeAtLsnResponse time =
        servers
            .timelines()
            .timeAtLsn(
                TimeAtLsnRequest.newBuilder()
                    .setTenantId(Servers.ROOT.tenant().toString())
                    .setBranch("main")
                    .setLsn(c.value() - 8)
                    .build());
    assertThat(time.getCommitLsn()).isEqualTo(b.value());
    assertThat(time.getCommitTime().getSeconds()).isEqualTo(NOON.plusSeconds(10).getEpochSecond());
  }

  @Test
  void everyTimeIsFoundAmongCommitsOutOfOrder() throws Exception {
    Random random = new Random(7);
    List<Lsn> ends = new ArrayList<>();
    List<Integer> seconds = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      seconds.add(100 + i + random.nextInt(20));
      ends.add(write(0, i, NOON.plusSeconds(seconds.getLast())));
    }
    sendToBoth();
    servers.await(ends.getLast());
    for (int second = 95; second < 155; second++) {
      Lsn expected = cluster.end();
      LsnAtTimeResponse.Kind kind = LsnAtTimeResponse.Kind.KIND_FUTURE;
      for (int i = 0; i < seconds.size(); i++) {
        if (seconds.get(i) > second) {
          kind = i == 0 ? LsnAtTimeResponse.Kind.KIND_PAST : LsnAtTimeResponse.Kind.KIND_PRESENT;
          break;
        }
        expected = ends.get(i);
      }
      assertAt(NOON.plusSeconds(second), expected, kind);
    }
  }

  private void assertAt(Instant time, Lsn lsn, LsnAtTimeResponse.Kind kind) {
    LsnAtTimeResponse found =
        servers
            .timelines()
            .lsnAtTime(
                LsnAtTimeRequest.newBuilder()
                    .setTenantId(Servers.ROOT.tenant().toString())
                    .setBranch("main")
                    .setTime(PageServiceImpl.timestamp(time))
                    .build());
    assertThat(found.getKind()).isEqualTo(kind);
    assertThat(new Lsn(found.getLsn())).isEqualTo(lsn);
  }

  @Test
  void branchAtLsnAndAtTimeSeeThatStateOnly() throws Exception {
    Instant now = Instant.now();
    Lsn a = write(0, 1, now.minusSeconds(100));
    Lsn b = write(0, 2, now.minusSeconds(50));
    sendToBoth();
    servers.await(b);
    Branch atLsn = branch(CreateBranchRequest.newBuilder().setLsn(a.value()), "lsn", 3);
    Branch atTime =
        branch(
            CreateBranchRequest.newBuilder()
                .setTime(PageServiceImpl.timestamp(now.minusSeconds(51))),
            "time",
            4);
    Branch newest = branch(CreateBranchRequest.newBuilder(), "newest", 5);
    assertThat(atLsn.getStartLsn()).isEqualTo(a.value());
    assertThat(atTime.getStartLsn()).isEqualTo(a.value());
    assertThat(newest.getStartLsn()).isEqualTo(b.value());
    assertThat(newest.getAncestorName()).isEqualTo("main");
    assertThat(lastByteOfRow(page(id(3), 0, Lsn.MAX))).isEqualTo(1);
    assertThat(lastByteOfRow(page(id(4), 0, Lsn.MAX))).isEqualTo(1);
    assertThat(lastByteOfRow(page(id(5), 0, Lsn.MAX))).isEqualTo(2);
    assertThatThrownBy(() ->
            branch(
                CreateBranchRequest.newBuilder()
                    .setTime(PageServiceImpl.timestamp(now.plusSeconds(1_000))),
                "tomorrow",
                6))
        .hasMessageContaining("in the future");
  }

  private static TenantTimelineId id(int low) {
    return new TenantTimelineId(Servers.ROOT.tenant(), new TimelineId(2, low));
  }

  private Branch branch(CreateBranchRequest.Builder request, String name, int low) {
    return servers
        .timelines()
        .createBranch(
            request
                .setTenantId(Servers.ROOT.tenant().toString())
                .setTimelineId(id(low).timeline().toString())
                .setParent("main")
                .setName(name)
                .build());
  }
}
