package io.coppice.safekeeper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalStreamWriter;
import io.coppice.proto.v1.DeleteTimelineRequest;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TermSwitch;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.TimelineStorage;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A safekeeper that brings two timelines to the object store, of which one is deleted. */
@Timeout(60)
final class TimelineDeletionTest {
  private static final int SEGMENT = 1 << 20;
  private static final Lsn START = new Lsn(3L * SEGMENT + 40);
  private static final TenantTimelineId DOOMED = id(3);
  private static final TenantTimelineId OTHER = id(4);
  private static final BackupConfig AT_ONCE = new BackupConfig(10, 0, 10, 20, 3_600_000);

  @TempDir Path directory;
  private HeldStore store;
  private Safekeeper safekeeper;
  private ManagedChannel channel;

  /** Holds uploads of segments of one timeline back until it is told to go on. */
  private static final class HeldStore implements ObjectStore {
    private final ObjectStore objects;
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);

    HeldStore(ObjectStore objects) {
      this.objects = objects;
    }

    @Override
    public void putFile(String name, Path file) throws StorageException {
      if (name.contains(DOOMED.timeline().toString())) {
        reached.countDown();
        try {
          released.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      objects.putFile(name, file);
    }

    @Override
    public void put(String name, byte[] contents) throws StorageException {
      objects.put(name, contents);
    }

    @Override
    public boolean putIfAbsent(String name, byte[] contents) throws StorageException {
      return objects.putIfAbsent(name, contents);
    }

    @Override
    public Optional<byte[]> get(String name) throws StorageException {
      return objects.get(name);
    }

    @Override
    public void getToFile(String name, Path file) throws StorageException {
      objects.getToFile(name, file);
    }

    @Override
    public List<ObjectInfo> list(String prefix) throws StorageException {
      return objects.list(prefix);
    }

    @Override
    public List<String> listDirectories(String prefix) throws StorageException {
      return objects.listDirectories(prefix);
    }

    @Override
    public void delete(String name) throws StorageException {
      objects.delete(name);
    }
  }

  private static TenantTimelineId id(long timeline) {
    return new TenantTimelineId(new TenantId(1, 2), new TimelineId(timeline, 0));
  }

  @BeforeEach
  void start() throws Exception {
    store = new HeldStore(LocalObjectStore.open(directory.resolve("objects"), new Random(1)));
    try (DataDirectory data = DataDirectory.open(data(), new NodeId(1))) {
      fill(data, DOOMED);
      fill(data, OTHER);
    }
    safekeeper =
        Safekeeper.start(
            new SafekeeperConfig(1, data(), new HostPort("127.0.0.1", 0), 0, AT_ONCE),
            Optional.of(store),
            _ -> {});
    channel = RpcChannel.open(new HostPort("127.0.0.1", safekeeper.port()));
  }

  @AfterEach
  void stop() {
    store.released.countDown();
    channel.shutdownNow();
    safekeeper.close();
  }

  private Path data() {
    return directory.resolve("safekeeper");
  }

  private static void fill(DataDirectory data, TenantTimelineId id) throws Exception {
    TimelineProperties properties = new TimelineProperties(id, 15, 42, SEGMENT, START);
    WalStreamWriter log =
        new WalStreamWriter(PostgresVersion.V15, SEGMENT, 42, 1, START, Lsn.INVALID);
    while (log.position().minus(START) < SEGMENT * 3L / 2) {
      log.append(10, 0, 7, new byte[] {(byte) 255, 4, 1, 2, 3, 4});
    }
    byte[] wal = log.takeBytes();
    try (TimelineStorage storage =
        data.createTimeline(AcceptorState.initial(properties, 0), Runnable::run)) {
      for (int at = 0; at < wal.length; at += 100_000) {
        int count = Math.min(100_000, wal.length - at);
        storage.wal().write(START.plus(at), ByteBuffer.wrap(wal, at, count));
      }
      storage.wal().flush();
      TermHistory history = new TermHistory(List.of(new TermSwitch(1, START)));
      storage
          .stateStore()
          .persist(new AcceptorState(properties, 0, 1, history, storage.wal().flushLsn(), START));
    }
  }

  private void delete() {
    var _ =
        SafekeeperServiceGrpc.newBlockingStub(channel)
            .deleteTimeline(
                DeleteTimelineRequest.newBuilder()
                    .setTenantId(DOOMED.tenant().toString())
                    .setTimelineId(DOOMED.timeline().toString())
                    .build());
  }

  private List<ObjectInfo> objectsOf(TenantTimelineId id) throws Exception {
    return store.list("wal/" + id.tenant() + "/" + id.timeline() + "/");
  }

  private Path filesOf(TenantTimelineId id) {
    return data()
        .resolve("tenants")
        .resolve(id.tenant().toString())
        .resolve("timelines")
        .resolve(id.timeline().toString());
  }

  @Test
  void leavesNothingOfItAndAllOfTheOther() throws Exception {
    store.released.countDown();
    while (objectsOf(DOOMED).size() < 2 || objectsOf(OTHER).size() < 2) {
      Thread.sleep(10); // the test has a timeout
    }
    // Of a creation that did not count.
    store.put("wal/" + DOOMED.tenant() + "/" + DOOMED.timeline() + "/7/x", new byte[1]);
    delete();
    assertThat(objectsOf(DOOMED)).isEmpty();
    assertThat(filesOf(DOOMED)).doesNotExist();
    assertThat(objectsOf(OTHER)).hasSize(2);
    assertThat(filesOf(OTHER)).isDirectory();
    assertThat(data().resolve("deleted")).as("on its way out").isEmptyDirectory();
  }

  /** Else it would put what was just deleted. */
  @Test
  void isNotDoneBeforeAnUploadThatIsUnderWayHasEnded() throws Exception {
    store.reached.await();
    assertThatThrownBy(this::delete)
        .hasMessageContaining("UNAVAILABLE")
        .hasMessageContaining("is still on its way to the object store");
    assertThat(filesOf(DOOMED)).doesNotExist();
    store.released.countDown();
    boolean isDone = false;
    while (!isDone) { // the test has a timeout
      try {
        delete();
        isDone = true;
      } catch (StatusRuntimeException underWay) {
        Thread.sleep(10);
      }
    }
    assertThat(objectsOf(DOOMED)).isEmpty();
  }
}
