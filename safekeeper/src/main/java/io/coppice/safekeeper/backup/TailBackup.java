package io.coppice.safekeeper.backup;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.wal.TimelineStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Brings the committed part of one timeline's last segment to the object store, as an object of
 * this safekeeper's own, and deletes the one before it. One thread.
 *
 * <pre>
 *   SEGMENT_TERM_FLUSH_COMMIT_skN.partial      term of its end, positions: 16 hexadecimal digits each
 *   SEGMENT_TERM_FLUSH_COMMIT_skN.partial.crc  its checksums, made first
 * </pre>
 *
 * <p>It is only for the case that all safekeepers are lost: nothing is removed because of it, and
 * nothing reads it by itself.
 */
public final class TailBackup {
  private static final String SUFFIX = ".partial";
  private static final String COPY = "tail";

  private final ObjectStore store;
  private final WalObjects objects;
  private final TimelineStorage storage;
  private final NodeId node;

  public TailBackup(ObjectStore store, TimelineStorage storage, NodeId node) {
    this.store = store;
    this.objects = new WalObjects(store, storage.stored().properties());
    this.storage = storage;
    this.node = node;
  }

  /** Whether WAL is committed that will not go up before there is more. */
  public static boolean hasTail(AcceptorState state) {
    return !SegmentBackup.isDue(state) && state.commitLsn().isAfter(state.retention().backupLsn());
  }

  /**
   * Puts the tail, unless it is there, and deletes what this safekeeper had put before.
   *
   * @throws StorageException if it has to be tried again
   */
  public void run(AcceptorState state, Lsn flushLsn) throws StorageException, IOException {
    Lsn end = state.commitLsn();
    String name =
        "%s%s_%016X_%016X_%016X%s"
            .formatted(
                objects.prefix(),
                objects.fileName(end.plus(-1)),
                state.history().lastTermAt(end),
                flushLsn.value(),
                end.value(),
                ownSuffix());
    boolean isThere = false;
    for (ObjectInfo found : store.list(objects.prefix())) {
      isThere |= found.name().equals(name);
    }
    if (!isThere) {
      put(name, end);
    }
    for (ObjectInfo found : store.list(objects.prefix())) {
      if (isOwn(found.name()) && !found.name().startsWith(name)) {
        store.delete(found.name());
      }
    }
  }

  private void put(String name, Lsn end) throws StorageException, IOException {
    Path directory = storage.newExchange();
    try {
      byte[] checksums = storage.newCopy().copy(end, directory.resolve(COPY));
      objects.put(name + WalObjects.CHECKSUM_SUFFIX, ByteBuffer.wrap(checksums));
      store.putFile(name, directory.resolve(COPY));
    } finally {
      TimelineStorage.deleteExchange(directory);
    }
  }

  private String ownSuffix() {
    return "_sk" + node.value() + SUFFIX;
  }

  private boolean isOwn(String name) {
    return name.endsWith(ownSuffix()) || name.endsWith(ownSuffix() + WalObjects.CHECKSUM_SUFFIX);
  }
}
