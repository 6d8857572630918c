package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.DurableFiles;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A safekeeper's data directory, held by one process at a time.
 *
 * <pre>
 *   safekeeper.format                       "coppice safekeeper data, format 2, node 3"
 *   lock                                    locked while in use
 *   tenants/TENANT/timelines/TIMELINE/      control, wal/
 *   tenants/TENANT/deleted/TIMELINE         empty: that timeline was deleted and does not come back
 *   deleted/                                timelines on their way out
 *   rebuilding/TENANT-TIMELINE/             timelines that are being put together
 *   replaced/TENANT-TIMELINE/               what a timeline was before it is rebuilt
 * </pre>
 */
public final class DataDirectory implements AutoCloseable {
  private static final int FORMAT = 2;
  private static final String MARKER = "safekeeper.format";
  private static final String LOCK = "lock";
  private static final String TENANTS = "tenants";
  private static final String TIMELINES = "timelines";
  private static final String DELETED = "deleted";
  private static final String REBUILDING = "rebuilding";
  private static final String REPLACED = "replaced";
  private static final Pattern MARKER_TEXT =
      Pattern.compile("coppice safekeeper data, format (\\d{1,9}), node (\\d{1,18})\\s*");

  private final Path root;
  private final NodeId node;
  private final FileChannel lockChannel;
  private final Map<TenantTimelineId, LogShare> shares = new ConcurrentHashMap<>();

  private DataDirectory(Path root, NodeId node, FileChannel lockChannel) {
    this.root = root;
    this.node = node;
    this.lockChannel = lockChannel;
  }

  /**
   * Opens, or makes, the data directory of a node.
   *
   * @throws StorageException.Conflict if it is in use
   * @throws StorageException.Precondition if it is of another node, another version, or something
   *     else
   */
  public static DataDirectory open(Path root, NodeId node) throws StorageException, IOException {
    DurableFiles.createDirectories(root);
    FileChannel lockChannel =
        FileChannel.open(root.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (tryLock(lockChannel) == null) {
        throw new StorageException.Conflict(
            "data directory %s is in use by another safekeeper".formatted(root));
      }
      DurableFiles.syncDirectory(root);
      DurableFiles.syncPathTo(root);
      checkMarker(root, node);
    } catch (StorageException | IOException | RuntimeException failure) {
      lockChannel.close();
      throw failure;
    }
    DataDirectory opened = new DataDirectory(root, node, lockChannel);
    opened.clear(DELETED);
    opened.clear(REBUILDING);
    opened.finishDeletions();
    return opened;
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException heldByThisProcess) {
      return null;
    }
  }

  private static void checkMarker(Path root, NodeId node) throws StorageException, IOException {
    Path marker = root.resolve(MARKER);
    if (!Files.exists(marker)) {
      if (!isEmptyButForLock(root)) {
        throw new StorageException.Precondition(
            "%s is not empty and not a safekeeper's data directory (it has no %s)"
                .formatted(root, MARKER));
      }
      String text = "coppice safekeeper data, format %d, node %s%n".formatted(FORMAT, node);
      DurableFiles.replace(marker, text.getBytes(StandardCharsets.UTF_8));
      return;
    }
    byte[] bytes = Files.readAllBytes(marker);
    Matcher matcher = MARKER_TEXT.matcher(new String(bytes, StandardCharsets.UTF_8));
    if (!matcher.matches()) {
      throw new StorageException.Corrupt(
          "%s, offset 0: expected \"%s\", found %d other bytes"
              .formatted(marker, "coppice safekeeper data, format N, node N", bytes.length));
    }
    if (Integer.parseInt(matcher.group(1)) != FORMAT) {
      throw new StorageException.Precondition(
          "data directory %s is of format %s; this version reads format %d"
              .formatted(root, matcher.group(1), FORMAT));
    }
    if (Long.parseLong(matcher.group(2)) != node.value()) {
      throw new StorageException.Precondition(
          "data directory %s belongs to safekeeper %s, not to safekeeper %s"
              .formatted(root, matcher.group(2), node));
    }
  }

  private static boolean isEmptyButForLock(Path root) throws IOException {
    try (Stream<Path> files = Files.list(root)) {
      return files.allMatch(file ->
          file.getFileName().toString().equals(LOCK)
              || file.getFileName().toString().equals(MARKER + ".tmp"));
    }
  }

  public NodeId node() {
    return node;
  }

  /** The timelines here. */
  public List<TenantTimelineId> timelines() throws IOException {
    List<TenantTimelineId> found = new ArrayList<>();
    for (Path tenant : children(root.resolve(TENANTS))) {
      for (Path timeline : children(tenant.resolve(TIMELINES))) {
        found.add(
            new TenantTimelineId(
                TenantId.parse(tenant.getFileName().toString()),
                TimelineId.parse(timeline.getFileName().toString())));
      }
    }
    return found;
  }

  private static List<Path> children(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, Files::isDirectory)) {
      files.forEach(found::add);
    }
    return found;
  }

  /** Opens a timeline's storage; empty if it is not here. */
  public Optional<TimelineStorage> openTimeline(TenantTimelineId id, Executor creator)
      throws StorageException, IOException {
    syncNames(id);
    Optional<TimelineStorage> storage;
    try {
      storage = TimelineStorage.open(path(id), creator, share(id));
      share(id).markWhole(Lsn.INVALID);
    } catch (StorageException.Corrupt damage) {
      share(id).markDamaged(Lsn.INVALID, String.valueOf(damage.getMessage()));
      throw damage;
    }
    if (storage.isPresent() && !storage.get().stored().properties().id().equals(id)) {
      storage.get().close();
      throw new StorageException.Corrupt(
          "%s: expected the control file of %s, found that of %s"
              .formatted(path(id), id, storage.get().stored().properties().id()));
    }
    return storage;
  }

  /** A timeline's stored state alone, without a look at its WAL; empty if it is not here. */
  public Optional<AcceptorState> peekTimeline(TenantTimelineId id)
      throws StorageException, IOException {
    return TimelineStorage.peek(path(id));
  }

  /** Storage for a timeline that is not here; it is, once its first state is persisted. */
  public TimelineStorage createTimeline(AcceptorState initial, Executor creator)
      throws StorageException, IOException {
    TenantTimelineId id = initial.properties().id();
    syncNames(id);
    return TimelineStorage.create(path(id), initial, creator, share(id));
  }

  /**
   * Makes the directories on the way to a timeline durable, if they are there: a process before
   * this one may have ended after it made one and before it synced the one above.
   */
  private void syncNames(TenantTimelineId id) throws IOException {
    DurableFiles.syncDirectory(root);
    Path at = root;
    for (Path name : root.relativize(path(id))) {
      at = at.resolve(name);
      if (!Files.isDirectory(at)) {
        return;
      }
      DurableFiles.syncDirectory(at);
    }
  }

  /**
   * Begins the deletion of a timeline: whatever happens from here on, it does not come back. The
   * mark stays for good.
   */
  public void markDeleted(TenantTimelineId id) throws IOException {
    Path marks = deletionMarksOf(id);
    DurableFiles.createDirectories(marks);
    DurableFiles.write(deletionMark(id), new byte[0]);
    DurableFiles.syncDirectory(marks);
  }

  /** Whether a timeline is marked as deleted. */
  public boolean isDeleted(TenantTimelineId id) {
    return Files.exists(deletionMark(id));
  }

  /** Deletes the files of a timeline that is marked as deleted. */
  public void deleteTimeline(TenantTimelineId id) throws IOException {
    moveTo(DELETED, id);
    clear(DELETED);
    forgetReplaced(id);
  }

  private void finishDeletions() throws IOException {
    for (TenantTimelineId id : timelines()) {
      if (isDeleted(id)) {
        deleteTimeline(id);
      }
    }
  }

  private Path deletionMark(TenantTimelineId id) {
    return deletionMarksOf(id).resolve(id.timeline().toString());
  }

  private Path deletionMarksOf(TenantTimelineId id) {
    return root.resolve(TENANTS).resolve(id.tenant().toString()).resolve(DELETED);
  }

  /** Moves what is here of a timeline out of the way, damaged or not. It is not here then. */
  public void putAside(TenantTimelineId id) throws IOException {
    moveTo(REPLACED, id);
  }

  /** Deletes what {@link #putAside} kept. */
  public void forgetReplaced(TenantTimelineId id) throws IOException {
    deleteTree(aside(REPLACED, id));
  }

  /**
   * Begins to put a timeline together, which is not here until it is published.
   *
   * @param copied the state it will have; its log is to be copied from where that says it begins
   */
  public StagedTimeline stage(AcceptorState copied, Executor creator)
      throws StorageException, IOException {
    TenantTimelineId id = copied.properties().id();
    Path staging = aside(REBUILDING, id);
    deleteTree(staging);
    DurableFiles.createDirectories(staging);
    DurableFiles.createDirectories(timelinesOf(id));
    TimelineStorage storage = TimelineStorage.createCopy(staging, copied, creator);
    return new StagedTimeline(storage, staging, path(id));
  }

  private void moveTo(String place, TenantTimelineId id) throws IOException {
    shares.remove(id);
    Path directory = path(id);
    if (Files.isDirectory(directory)) {
      Path to = aside(place, id);
      DurableFiles.createDirectories(root.resolve(place));
      deleteTree(to);
      DurableFiles.renameDurably(directory, to);
    }
    // Also if it was not here: it may have been moved by a call that failed before this.
    if (Files.isDirectory(timelinesOf(id))) {
      DurableFiles.syncDirectory(timelinesOf(id));
    }
  }

  private Path aside(String place, TenantTimelineId id) {
    return root.resolve(place).resolve(id.tenant() + "-" + id.timeline());
  }

  private void clear(String place) throws IOException {
    for (Path left : children(root.resolve(place))) {
      deleteTree(left);
    }
  }

  static void deleteTree(Path tree) throws IOException {
    if (!Files.exists(tree)) {
      return;
    }
    List<Path> files;
    try (Stream<Path> walk = Files.walk(tree)) {
      files = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path file : files) {
      Files.deleteIfExists(file);
    }
  }

  private LogShare share(TenantTimelineId id) {
    return shares.computeIfAbsent(id, _ -> new LogShare());
  }

  /** Start of the block that holds a position: what is below is not written again. */
  public static Lsn blockStart(Lsn lsn) {
    return BlockChecksum.blockOf(lsn);
  }

  /**
   * Looks at a timeline that is not open as opening it would, and changes nothing. If it could not
   * be opened it is damaged as a whole.
   */
  public void checkTail(TenantTimelineId id) throws StorageException, IOException {
    try {
      Optional<AcceptorState> state = peekTimeline(id);
      if (state.isPresent()) {
        TimelineProperties properties = state.get().properties();
        WalSegments segments = TimelineStorage.segments(path(id), properties);
        var _ = WalScan.find(segments, properties, state.get().commitLsn());
        share(id).markWhole(Lsn.INVALID);
      }
    } catch (StorageException.Corrupt damage) {
      share(id).markDamaged(Lsn.INVALID, String.valueOf(damage.getMessage()));
    }
  }

  /**
   * Begins to check all blocks of a timeline.
   *
   * @param from where its WAL begins here
   * @param end all WAL below has checksums, and below it no block is being written
   */
  public WalScrub newScrub(TimelineProperties properties, Lsn from, Lsn end) {
    TenantTimelineId id = properties.id();
    WalSegments segments = TimelineStorage.segments(path(id), properties);
    return new WalScrub(segments, share(id), from, end);
  }

  /**
   * Begins to repair a block that was found damaged.
   *
   * @throws StorageException if it cannot be repaired, with the reason
   */
  public BlockRepair newRepair(TimelineProperties properties, Lsn block, Lsn commitLsn)
      throws StorageException, IOException {
    TenantTimelineId id = properties.id();
    WalSegments segments = TimelineStorage.segments(path(id), properties);
    return new BlockRepair(segments, share(id), properties.startLsn(), block, commitLsn);
  }

  /**
   * The blocks of a timeline that were found damaged since the start, and what is wrong; LSN 0/0
   * stands for all of it.
   */
  public NavigableMap<Lsn, String> damagedBlocks(TenantTimelineId id) {
    LogShare share = shares.get(id);
    return share == null ? Collections.emptyNavigableMap() : share.damaged();
  }

  private Path path(TenantTimelineId id) {
    return timelinesOf(id).resolve(id.timeline().toString());
  }

  private Path timelinesOf(TenantTimelineId id) {
    return root.resolve(TENANTS).resolve(id.tenant().toString()).resolve(TIMELINES);
  }

  /** Lets go of the lock. */
  @Override
  public void close() throws IOException {
    lockChannel.close();
  }
}
