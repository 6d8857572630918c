package io.coppice.safekeeper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.rpc.HostPort;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalStreamWriter;
import io.coppice.proto.v1.DamagedBlock;
import io.coppice.proto.v1.ScrubResponse;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.WalDownload;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TermSwitch;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.TimelineStorage;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two safekeepers with the same committed WAL, one of them on a disk that changes bits. */
@Timeout(60)
final class ScrubServiceTest {
  private static final int SEGMENT = 1 << 20;
  private static final int BLOCK = 8192;
  private static final Lsn START = new Lsn(3L * SEGMENT + 40);
  private static final TenantTimelineId ID =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));
  private static final TimelineProperties PROPERTIES =
      new TimelineProperties(ID, 15, 42, SEGMENT, START);

  @TempDir Path directory;
  private byte[] wal = new byte[0];

  @BeforeEach
  void fill() throws Exception {
    wal = records(5_000);
    fill(1);
    fill(2);
  }

  private static byte[] records(int count) {
    WalStreamWriter log =
        new WalStreamWriter(PostgresVersion.V15, SEGMENT, 42, 1, START, Lsn.INVALID);
    for (int i = 0; i < count; i++) {
      log.append(10, 0, 7, new byte[] {(byte) 255, 4, 1, 2, 3, (byte) i});
    }
    return log.takeBytes();
  }

  private void fill(int node) throws Exception {
    try (DataDirectory data = DataDirectory.open(data(node), new NodeId(node));
        TimelineStorage storage =
            data.createTimeline(AcceptorState.initial(PROPERTIES, 0), Runnable::run)) {
      for (int at = 0; at < wal.length; at += 100_000) {
        int count = Math.min(100_000, wal.length - at);
        storage.wal().write(START.plus(at), ByteBuffer.wrap(wal, at, count));
      }
      storage.wal().flush();
      TermHistory history = new TermHistory(List.of(new TermSwitch(1, START)));
      storage
          .stateStore()
          .persist(new AcceptorState(PROPERTIES, 0, 1, history, storage.wal().flushLsn(), START));
    }
  }

  private Path data(int node) {
    return directory.resolve("safekeeper-" + node);
  }

  /** In the segment that is in its object. */
  private static void flipIn(ObjectStore store, int block) throws Exception {
    String object =
        store.list("wal/").stream()
            .map(ObjectInfo::name)
            .filter(name -> name.endsWith("000000010000000000000003.zst"))
            .findFirst()
            .orElseThrow();
    byte[] segment = Zstd.decompress(store.get(object).orElseThrow(), SEGMENT);
    segment[100 + block * BLOCK] ^= 4;
    store.put(object, Zstd.compress(segment));
  }

  private void flipIn(int node, int block) throws Exception {
    Path segment;
    try (var files = Files.walk(data(node))) {
      segment =
          files.filter(file -> file.endsWith("000000010000000000000003")).findFirst().orElseThrow();
    }
    try (FileChannel channel =
        FileChannel.open(segment, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, 100L + (long) block * BLOCK);
      one.put(0, (byte) (one.get(0) ^ 4));
      channel.write(one.rewind(), 100L + (long) block * BLOCK);
    }
  }

  private static Lsn block(int block) {
    return new Lsn(3L * SEGMENT + (long) block * BLOCK);
  }

  private Safekeeper start(int node, long scrubBytesPerSecond) throws Exception {
    return Safekeeper.start(
        new SafekeeperConfig(node, data(node), new HostPort("127.0.0.1", 0), scrubBytesPerSecond));
  }

  /** With an object store, to which WAL goes at once. */
  private Safekeeper start(int node, long scrubBytesPerSecond, ObjectStore store) throws Exception {
    BackupConfig atOnce = new BackupConfig(10, 0, 10, 20, 3_600_000);
    return Safekeeper.start(
        new SafekeeperConfig(
            node, data(node), new HostPort("127.0.0.1", 0), scrubBytesPerSecond, atOnce),
        Optional.of(store),
        _ -> {});
  }

  private static HostPort addressOf(Safekeeper safekeeper) {
    return new HostPort("127.0.0.1", safekeeper.port());
  }

  private static List<DamagedBlock> scrub(SafekeeperClient client, HostPort... repairFrom)
      throws Exception {
    return scrub(
        client, repairFrom.length == 0 ? Optional.empty() : Optional.of(List.of(repairFrom)));
  }

  private static List<DamagedBlock> scrub(
      SafekeeperClient client, Optional<List<HostPort>> repairFrom) throws Exception {
    List<DamagedBlock> damaged = new ArrayList<>();
    List<ScrubResponse> all = new ArrayList<>();
    client.scrub(
        Optional.of(ID),
        repairFrom,
        answer -> {
          all.add(answer);
          if (answer.hasDamaged()) {
            damaged.add(answer.getDamaged());
          }
        });
    assertThat(all.getLast().getBlocksChecked()).isGreaterThan(18);
    return damaged;
  }

  private static byte[] read(SafekeeperClient client, Lsn from, Lsn to) throws Exception {
    ByteBuffer all = ByteBuffer.allocate((int) to.minus(from));
    try (WalDownload download = client.downloadFlushed(ID, from, to)) {
      for (var piece = download.next(); piece.isPresent(); piece = download.next()) {
        all.put(piece.get().getData().asReadOnlyByteBuffer());
      }
    }
    return all.array();
  }

  @Test
  void refusesADamagedBlockUntilItIsRepairedFromAPeer() throws Exception {
    flipIn(1, 7);
    try (Safekeeper damaged = start(1, 0);
        Safekeeper whole = start(2, 0);
        SafekeeperClient client = SafekeeperClient.open(addressOf(damaged))) {
      Lsn end = START.plus(wal.length);
      assertThatThrownBy(() -> read(client, START, end))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining("000000010000000000000003, offset 57344: expected CRC32C");
      assertThat(client.status(ID).damagedBlocks()).isEqualTo(1);
      assertThat(scrub(client))
          .singleElement()
          .satisfies(found -> {
            assertThat(found.getLsn()).isEqualTo(block(7).value());
            assertThat(found.getProblem()).contains("offset 57344: expected CRC32C");
            assertThat(found.getRepaired()).isFalse();
          });
      assertThat(scrub(client, addressOf(whole)))
          .singleElement()
          .satisfies(found -> assertThat(found.getRepaired()).isTrue());
      assertThat(client.status(ID).damagedBlocks()).isZero();
      assertThat(scrub(client)).isEmpty();
      assertThat(read(client, START, end)).isEqualTo(wal);
    }
  }

  @Test
  void neverServesABlockThatIsDamagedOnAll() throws Exception {
    flipIn(1, 7);
    flipIn(2, 7);
    flipIn(2, 9);
    try (Safekeeper one = start(1, 0);
        Safekeeper other = start(2, 0);
        SafekeeperClient client = SafekeeperClient.open(addressOf(one))) {
      assertThat(scrub(client, addressOf(other)))
          .singleElement()
          .satisfies(found -> {
            assertThat(found.getRepaired()).isFalse();
            assertThat(found.getRepairProblem())
                .startsWith(addressOf(other).toString())
                .contains("offset 57344: expected CRC32C");
          });
      assertThat(client.status(ID).damagedBlocks()).isEqualTo(1);
      assertThatThrownBy(() -> read(client, block(7), block(8)))
          .isInstanceOf(StorageException.Corrupt.class);
      assertThat(read(client, block(8), block(10))).hasSize(2 * BLOCK);
    }
  }

  @Test
  void repairsABlockFromTheObjectStoreWithoutPeers() throws Exception {
    wal = records(40_000); // more than one segment
    fill(3);
    ObjectStore store = LocalObjectStore.open(directory.resolve("objects"), new Random(1));
    try (Safekeeper damaged = start(3, 0, store);
        SafekeeperClient client = SafekeeperClient.open(addressOf(damaged))) {
      while (store.list("wal/").size() < 2) {
        Thread.sleep(10); // the test has a timeout
      }
      flipIn(3, 7);
      assertThat(scrub(client))
          .singleElement()
          .satisfies(found -> assertThat(found.getRepaired()).isFalse());
      assertThat(scrub(client, Optional.of(List.of())))
          .singleElement()
          .satisfies(found -> assertThat(found.getRepaired()).isTrue());
      assertThat(scrub(client)).isEmpty();
      assertThat(read(client, START, START.plus(wal.length))).isEqualTo(wal);

      flipIn(3, 9);
      flipIn(store, 9);
      assertThat(scrub(client, Optional.of(List.of())))
          .singleElement()
          .satisfies(found -> {
            assertThat(found.getRepaired()).isFalse();
            assertThat(found.getRepairProblem())
                .startsWith("object store: object wal/")
                .contains("offset 73728: expected CRC32C");
          });
      flipIn(3, 9);
      assertThat(scrub(client)).as("as it was").isEmpty();
    }
  }

  @Test
  void findsDamageByItself() throws Exception {
    flipIn(1, 3);
    try (Safekeeper damaged = start(1, 1 << 30);
        SafekeeperClient client = SafekeeperClient.open(addressOf(damaged))) {
      long seen = 0;
      while (seen == 0) { // the test has a timeout
        seen = client.timelines().getFirst().damagedBlocks();
      }
      assertThat(seen).isEqualTo(1);
    }
  }

  @Test
  void repairsByItselfWhatTheObjectStoreHas() throws Exception {
    wal = records(40_000); // more than one segment
    fill(3);
    ObjectStore store = LocalObjectStore.open(directory.resolve("objects"), new Random(1));
    try (Safekeeper _ = start(3, 0, store)) {
      while (store.list("wal/").size() < 2) {
        Thread.sleep(10); // the test has a timeout
      }
    }
    flipIn(3, 7);
    flipIn(3, 9);
    flipIn(store, 9);
    try (Safekeeper repairing = start(3, 1 << 30, store);
        SafekeeperClient client = SafekeeperClient.open(addressOf(repairing))) {
      byte[] whole = Arrays.copyOfRange(wal, 0, (int) block(9).minus(START));
      while (!isReadable(client, START, block(9))) {
        Thread.sleep(10); // the test has a timeout
      }
      assertThat(read(client, START, block(9))).isEqualTo(whole);
      assertThat(isReadable(client, block(9), block(10))).as("damaged in both").isFalse();
      while (client.status(ID).damagedBlocks() != 1) {
        Thread.sleep(10); // what is repaired is readable first, and counted out then
      }
    }
  }

  private static boolean isReadable(SafekeeperClient client, Lsn from, Lsn to) throws Exception {
    try {
      return read(client, from, to).length > 0;
    } catch (StorageException.Corrupt _) {
      return false;
    }
  }

  @Test
  void tellsOfATimelineThatCannotBeOpened() throws Exception {
    flipIn(1, wal.length / BLOCK); // the block that the commit LSN is in
    try (Safekeeper damaged = start(1, 0);
        SafekeeperClient client = SafekeeperClient.open(addressOf(damaged))) {
      List<DamagedBlock> found = new ArrayList<>();
      client.scrub(Optional.empty(), Optional.empty(), answer -> found.add(answer.getDamaged()));
      assertThat(client.timelines().getFirst().damagedBlocks()).isEqualTo(1);
      assertThat(found.getFirst().getLsn()).isZero();
      assertThat(found.getFirst().getProblem()).contains("offset ").contains("expected CRC32C");
      assertThatThrownBy(() -> client.status(ID)).isInstanceOf(StorageException.Corrupt.class);
      assertThat(client.timelines().getFirst().damagedBlocks()).isEqualTo(1);
    }
  }
}
