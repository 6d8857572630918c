package io.coppice.pageserver.timeline;

import static java.util.Objects.requireNonNull;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerMap;
import io.coppice.pageserver.layer.LayerName;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Writes an ordered run of versions as delta layers of one range of LSNs, cut by key.
 *
 * <p>Files are cut where the timeline's other layers have a border already, if one comes along in
 * the second half of a file, and reach from border to border where they can: the layer map is small
 * as long as its layers have borders in common. All versions of a key go into one file, but for a
 * key that alone is larger than a file: that one is cut by LSN, in files of its own, so that no two
 * layers of a key overlap in LSNs. To know that in time, the versions of a key are gathered until
 * it is written or seen to be large.
 *
 * <p>Not thread safe. Closing without {@link #finish} leaves the files that are complete to {@link
 * NewLayers}.
 */
final class DeltaOutput implements AutoCloseable {
  private static final int LARGE_KEY_SIZE_BYTES_MAX = 4 << 20;
  private static final int ENTRY_HEADER_SIZE_BYTES = Long.BYTES + Integer.BYTES;

  private final NewLayers layers;
  private final LayerMap borders;
  private final Lsn lsnFrom;
  private final Lsn lsnTo;
  private final long sizeBytesTarget;
  private final long largeKeySizeBytes;

  private NewLayers.@Nullable File file;
  private Key fileFrom = Key.MIN;
  // What was written before reaches up to here.
  private Key floor = Key.MIN;
  private @Nullable Key nextBorder;
  private @Nullable Key lastWritten;

  private @Nullable Key key;
  // The key's versions so far; once it is seen to be large they are written as they come.
  private ByteBuffer gathered = ByteBuffer.allocateDirect(1 << 16);
  private boolean large;
  // Of a large key: versions at or after it are in files that are complete.
  private @Nullable Lsn cutAt;
  private long lastLsn;

  DeltaOutput(NewLayers layers, LayerMap borders, Lsn lsnFrom, Lsn lsnTo, long sizeBytesTarget) {
    this.layers = layers;
    this.borders = borders;
    this.lsnFrom = lsnFrom;
    this.lsnTo = lsnTo;
    this.sizeBytesTarget = sizeBytesTarget;
    this.largeKeySizeBytes = Math.min(sizeBytesTarget, LARGE_KEY_SIZE_BYTES_MAX);
  }

  /** Begins the next key, above the one before. */
  void beginKey(Key next) throws StorageException {
    endKey();
    key = next;
  }

  /** Adds a version of the key, older than the one before. */
  void put(long lsn, ByteBuffer value) throws StorageException {
    if (!large && gathered.position() + value.remaining() > largeKeySizeBytes) {
      beginLargeKey();
    }
    if (large) {
      putLarge(lsn, value);
    } else {
      gather(lsn, value);
    }
  }

  private void gather(long lsn, ByteBuffer value) {
    int needed = gathered.position() + ENTRY_HEADER_SIZE_BYTES + value.remaining();
    if (needed > gathered.capacity()) {
      ByteBuffer grown = ByteBuffer.allocateDirect(Math.max(needed, 2 * gathered.capacity()));
      gathered = grown.put(gathered.flip());
    }
    gathered.putLong(lsn).putInt(value.remaining()).put(value);
  }

  private void endKey() throws StorageException {
    Key ended = key;
    if (ended == null) {
      return;
    }
    if (!large) {
      if (isCutDue(ended)) {
        cut(ended);
      }
      writeGathered(ended);
    } else if (cutAt != null) {
      complete(ended.next(), lsnFrom, cutAt);
      floor = ended.next();
    }
    key = null;
    large = false;
    cutAt = null;
  }

  private boolean isCutDue(Key next) {
    NewLayers.File writing = file;
    Key last = lastWritten;
    if (writing == null || last == null) {
      return false;
    }
    long sizeBytes = writing.writer().valueBytes();
    if (sizeBytes >= sizeBytesTarget) {
      return true;
    }
    if (2 * sizeBytes < sizeBytesTarget) {
      return false;
    }
    if (nextBorder == null) {
      nextBorder = borders.borderAfter(last);
    }
    return nextBorder != null && nextBorder.compareTo(next) <= 0;
  }

  /** Ends the file, which has keys before the next one, at a border if there is one between. */
  private void cut(Key next) throws StorageException {
    Key border = lastWritten == null ? null : borders.borderAfter(lastWritten);
    floor = border != null && border.compareTo(next) <= 0 ? border : next;
    complete(floor, lsnFrom, lsnTo);
  }

  private void complete(Key toExclusive, Lsn from, Lsn to) throws StorageException {
    NewLayers.File writing = file;
    if (writing == null) {
      return;
    }
    layers.complete(
        writing,
        new LayerName(LayerKind.DELTA, fileFrom, toExclusive, from, to, layers.generation()));
    writing.close();
    file = null;
    lastWritten = null;
    nextBorder = null;
  }

  private void writeGathered(Key of) throws StorageException {
    ByteBuffer from = gathered.flip();
    while (from.hasRemaining()) {
      long lsn = from.getLong();
      int end = from.getInt() + from.position();
      int limit = from.limit();
      write(of, lsn, from.limit(end));
      from.limit(limit).position(end);
    }
    gathered.clear();
  }

  private void write(Key of, long lsn, ByteBuffer value) throws StorageException {
    NewLayers.File writing = file;
    if (writing == null) {
      writing = layers.begin(LayerKind.DELTA);
      file = writing;
      Key border = borders.borderAtOrBefore(of);
      fileFrom = border.compareTo(floor) > 0 ? border : floor;
    }
    writing.writer().put(of, lsn, value);
    lastWritten = of;
    lastLsn = lsn;
  }

  /** Puts what was gathered of the key into a file that begins with it. */
  private void beginLargeKey() throws StorageException {
    Key begun = requireNonNull(key);
    if (file != null) {
      cut(begun);
    }
    floor = begun;
    large = true;
    writeGathered(begun);
  }

  private void putLarge(long lsn, ByteBuffer value) throws StorageException {
    Key written = requireNonNull(key);
    NewLayers.File writing = file;
    if (writing != null && writing.writer().valueBytes() >= sizeBytesTarget) {
      Lsn cut = new Lsn(lastLsn);
      complete(written.next(), cut, cutAt == null ? lsnTo : cutAt);
      cutAt = cut;
    }
    write(written, lsn, value);
  }

  /** Ends the last file. */
  void finish() throws StorageException {
    endKey();
    if (lastWritten != null) {
      Key border = borders.borderAfter(lastWritten);
      complete(border == null ? lastWritten.next() : border, lsnFrom, lsnTo);
    }
  }

  @Override
  public void close() {
    if (file != null) {
      file.close();
      file = null;
    }
  }
}
