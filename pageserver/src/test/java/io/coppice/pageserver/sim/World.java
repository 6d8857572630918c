package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.tenant.BranchRequest;
import io.coppice.pageserver.tenant.RootImport;
import io.coppice.pageserver.tenant.TenantManagers;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.wal.WalLayout;
import io.coppice.testsupport.Randoms;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** All there is in a history: a page server, its disk, the object store, and what must be true. */
final class World {
  static final int SEGMENT_SIZE_BYTES = 16 << 20;
  static final TenantId TENANT = new TenantId(1, 1);
  private static final TimelineId ROOT = new TimelineId(2, 1);
  private static final Lsn START = new Lsn(0x1000028);

  /** A branch that was asked for, and of which nobody knows whether it was made. */
  record Unsure(BranchRequest request, SimBranch parent) {}

  final Coverage coverage;
  final RandomGenerator random;
  final SimClock clock = new SimClock();
  final Bucket bucket = new Bucket();
  final Path directory;

  /** Those that are there. */
  final List<SimBranch> branches = new ArrayList<>();

  /** Those whose deletion was asked for, and may not be over. */
  final List<SimBranch> deleting = new ArrayList<>();

  final List<Unsure> unsure = new ArrayList<>();
  private final List<String> trace = new ArrayList<>();
  private long hash;
  private @Nullable SimServer running;

  World(long seed, Path directory, Coverage coverage) {
    this.random = new Randoms(seed).of("history");
    this.directory = directory;
    this.coverage = coverage;
  }

  static TenantTimelineId id(SimBranch branch) {
    return new TenantTimelineId(TENANT, branch.id);
  }

  SimServer server() {
    return Objects.requireNonNull(running, "the page server is down");
  }

  @Nullable SimServer serverIfRunning() {
    return running;
  }

  void setServer(@Nullable SimServer server) {
    running = server;
  }

  /** Notes what happens, for people and for the comparison of two runs. */
  void say(String format, Object... values) {
    String text = format.formatted(values);
    trace.add(text);
    hash = hash * 31 + text.hashCode();
  }

  List<String> trace() {
    return trace;
  }

  long hash() {
    return hash;
  }

  /** Whether something happens that does so once in so many times. */
  boolean onceIn(int times) {
    return random.nextInt(times) == 0;
  }

  <T> T any(List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  /** The first LSN at or behind one, where a record can end. */
  static Lsn recordEnd(Lsn lsn) {
    boolean fits = TenantManagers.recordBoundary(lsn, SEGMENT_SIZE_BYTES).equals(lsn);
    return fits ? lsn : lsn.plus(WalLayout.LONG_PAGE_HEADER_BYTES);
  }

  BranchRequest request(TimelineId timeline, String name, SimBranch parent, Optional<Lsn> at) {
    return new BranchRequest(TENANT, timeline, name, parent.id, at, 0);
  }

  /** Begins: a page server, and a tenant in it. */
  void begin() throws StorageException {
    SimServer server = SimServer.start(this, directory);
    setServer(server);
    server.store.setCalm(true);
    SimBranch root = new SimBranch("main", ROOT, null, START, START);
    RootImport request =
        new RootImport(
            TENANT, "acme", ROOT, root.name, START, Lsn.INVALID, 15, 42, SEGMENT_SIZE_BYTES);
    try (ImageImport running = server.tenants.importRoot(request)) {
      for (Key key : SimKeys.ALL) {
        if (!key.equals(TimelineKeys.COMMIT_INDEX)) {
          byte[] value = SimKeys.first(key, random);
          running.put(key, value, 0, value.length);
          root.put(key, START, value);
        }
      }
      Timeline _ = running.finish();
    }
    server.store.setCalm(false);
    branches.add(root);
  }
}
