package io.coppice.safekeeper.backup;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.wal.TimelineStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Brings the whole segments of one timeline to the object store, in order, a step at a time. One
 * thread.
 *
 * <pre>
 *   Looking -- both objects are there -----------------------------------> the next segment
 *      |  ^
 *      |  +-- not there, and another's turn: wait
 *      v
 *   PuttingChecksums(copy) -- put --> PuttingSegment(copy) -- put --------> the next segment
 *      any -- a failure --> Looking
 * </pre>
 *
 * <p>Safekeepers do not talk about who does it. The segment's number decides who does it at once;
 * the others look after a while whether it is done, and do it if not. If two do it both write the
 * same.
 *
 * <p>Only WAL that is committed goes up. The copy that goes up is made block by block, each
 * checked: damage stays here.
 */
public final class SegmentBackup implements AutoCloseable {
  /** So many safekeepers take turns; with more, some of them have the same turn. */
  private static final int TURNS = 3;

  private static final int LOOKS_WHILE_WAITING = 10;

  /** What came of a step. */
  public sealed interface Outcome {
    /** There is nothing to do before more is committed. */
    record Idle() implements Outcome {}

    /** Others have their turn; look again after so long. */
    record Wait(long millis) implements Outcome {}

    /** There is more to do. */
    record Again() implements Outcome {}

    /** The object store has all WAL below. */
    record BackedUp(Lsn lsn) implements Outcome {}
  }

  private sealed interface Stage {
    record Looking() implements Stage {}

    record PuttingChecksums(Lsn end, ByteBuffer checksums, Path directory) implements Stage {}

    record PuttingSegment(Lsn end, Path directory) implements Stage {}
  }

  private static final String COPY = "segment";
  private static final String COMPRESSED = COPY + CompressedSegment.SUFFIX;

  private final WalObjects objects;
  private final TimelineStorage storage;
  private final NodeId node;
  private final long graceMillis;

  private Stage stage = new Stage.Looking();

  /** The segment that is waited for, and since when. */
  private @Nullable Lsn awaited;

  private long awaitedSinceMillis;

  /**
   * Has not begun.
   *
   * @param storage the segments; may be closed meanwhile
   * @param graceMillis how long others wait for the one whose turn it is
   */
  public SegmentBackup(ObjectStore store, TimelineStorage storage, NodeId node, long graceMillis) {
    this.objects = new WalObjects(store, storage.stored().properties());
    this.storage = storage;
    this.node = node;
    this.graceMillis = graceMillis;
  }

  /** Whether a whole segment is committed that is not known to be in the object store. */
  public static boolean isDue(AcceptorState state) {
    TimelineProperties properties = state.properties();
    Lsn next = state.retention().backupLsn();
    long toEnd =
        properties.walSegmentSizeBytes()
            - Long.remainderUnsigned(next.value(), properties.walSegmentSizeBytes());
    return next.plus(toEnd).isAtOrBefore(state.commitLsn());
  }

  /**
   * Does what comes next: one call of the store, or a copy.
   *
   * @param state as of now
   * @throws StorageException.Corrupt if the segment is damaged here
   * @throws StorageException if it has to be tried again; then from the beginning
   */
  public Outcome step(AcceptorState state, long nowMillis) throws StorageException, IOException {
    boolean done = false;
    try {
      Outcome outcome =
          switch (stage) {
            case Stage.Looking _ -> look(state, nowMillis);
            case Stage.PuttingChecksums putting -> {
              objects.putChecksums(putting.end.plus(-1), putting.checksums);
              stage = new Stage.PuttingSegment(putting.end, putting.directory);
              yield new Outcome.Again();
            }
            case Stage.PuttingSegment putting -> {
              objects.putSegment(putting.end.plus(-1), putting.directory.resolve(COMPRESSED));
              close();
              yield new Outcome.BackedUp(putting.end);
            }
          };
      done = true;
      return outcome;
    } finally {
      if (!done) {
        close();
      }
    }
  }

  private Outcome look(AcceptorState state, long nowMillis) throws StorageException, IOException {
    if (!isDue(state)) {
      return new Outcome.Idle();
    }
    Lsn next = state.retention().backupLsn();
    Lsn end = objects.segmentEnd(next);
    if (objects.hasSegment(next)) {
      return new Outcome.BackedUp(end);
    }
    long waitMillis = waitMillis(next, nowMillis);
    if (waitMillis > 0) {
      return new Outcome.Wait(waitMillis);
    }
    Path directory = storage.newExchange();
    stage = new Stage.PuttingSegment(end, directory);
    byte[] checksums = storage.newCopy().copy(end, directory.resolve(COPY));
    CompressedSegment.compress(directory.resolve(COPY), directory.resolve(COMPRESSED));
    Files.delete(directory.resolve(COPY));
    stage = new Stage.PuttingChecksums(end, ByteBuffer.wrap(checksums), directory);
    return new Outcome.Again();
  }

  private long waitMillis(Lsn next, long nowMillis) {
    if (!next.equals(awaited)) {
      awaited = next;
      awaitedSinceMillis = nowMillis;
    }
    long turn = Math.floorMod(objects.segmentNumber(next) + node.value(), TURNS);
    long left = awaitedSinceMillis + turn * graceMillis - nowMillis;
    return Math.min(left, graceMillis / LOOKS_WHILE_WAITING);
  }

  /** Deletes the copy, if there is one; the next step looks again. */
  @Override
  public void close() throws IOException {
    Stage last = stage;
    stage = new Stage.Looking();
    switch (last) {
      case Stage.Looking _ -> {}
      case Stage.PuttingChecksums putting -> TimelineStorage.deleteExchange(putting.directory);
      case Stage.PuttingSegment putting -> TimelineStorage.deleteExchange(putting.directory);
    }
  }
}
