package io.coppice.pageserver.layer;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * All versions that some layers have, of all keys or of a range: by key, and of a key from newest
 * to oldest; what several of them have comes once. Reads each file once, in its order; needs memory
 * for a block of each and no more. Not thread safe; the caller holds references to the layers.
 *
 * <p>The sources are a binary heap. Keys are compared as numbers that are taken out of their bytes
 * when a source moves, so that nothing is allocated for a version.
 */
public final class DeltaMerge implements AutoCloseable {
  private final Source[] heap;
  private int size;
  private boolean begun;
  private boolean sameKey;
  private long versionCount;
  // Versions of all layers; negative if only a range is read.
  private long expectedCount;

  // Of the version that next() has come to.
  private long a;
  private long b;
  private long c;
  private short d;

  /** One layer, and the version it is at. */
  private static final class Source {
    private final SstCursor cursor;
    private final EntryBuffers buffers = new EntryBuffers();
    private final ByteBuffer end;
    long a;
    long b;
    long c;
    short d;

    Source(SstCursor cursor, ByteBuffer end) {
      this.cursor = cursor;
      this.end = end;
    }

    /** Takes in the version that the cursor is at; returns whether there is one. */
    boolean load() throws StorageException {
      if (!cursor.hasVersion()) {
        throw new StorageException.Corrupt("a layer file ends without its identity");
      }
      cursor.readKey(buffers);
      ByteBuffer key = buffers.foundKey;
      a = key.getLong(0);
      b = key.getLong(8);
      c = key.getLong(16);
      d = key.getShort(24);
      return isBeforeEnd();
    }

    /** Whether it is within the range; the file's identity, above all keys, never is. */
    private boolean isBeforeEnd() {
      if (a != end.getLong(0)) {
        return Long.compareUnsigned(a, end.getLong(0)) < 0;
      }
      if (b != end.getLong(8)) {
        return Long.compareUnsigned(b, end.getLong(8)) < 0;
      }
      return Short.compareUnsigned((short) (c >>> 48), end.getShort(16)) < 0;
    }

    boolean isBefore(Source other) {
      if (a != other.a) {
        return Long.compareUnsigned(a, other.a) < 0;
      }
      if (b != other.b) {
        return Long.compareUnsigned(b, other.b) < 0;
      }
      if (c != other.c) {
        return Long.compareUnsigned(c, other.c) < 0;
      }
      return Short.compareUnsigned(d, other.d) < 0;
    }
  }

  private DeltaMerge(int sources) {
    heap = new Source[sources];
  }

  /** A merge of whole layers, each of which is fetched if it is not here. */
  public static DeltaMerge of(List<LayerHandle> layers) throws StorageException {
    DeltaMerge merge = of(layers, Key.MIN, Key.MAX);
    try {
      long count = 0;
      for (LayerHandle layer : layers) {
        count += layer.versionCount();
      }
      merge.expectedCount = count;
      return merge;
    } catch (StorageException e) {
      merge.close();
      throw e;
    }
  }

  /** A merge of what layers have of a range of keys. */
  public static DeltaMerge of(List<LayerHandle> layers, Key from, Key toExclusive)
      throws StorageException {
    DeltaMerge merge = new DeltaMerge(layers.size());
    ByteBuffer end = LayerKeys.newBuffer();
    LayerKeys.encode(end, toExclusive, -1L);
    try {
      for (LayerHandle layer : layers) {
        merge.add(new Source(layer.mergeCursor(), end), from);
      }
      merge.expectedCount = -1;
      return merge;
    } catch (StorageException e) {
      merge.close();
      throw e;
    }
  }

  private void add(Source source, Key from) throws StorageException {
    boolean isEmpty = true;
    try {
      source.cursor.seek(source.buffers, from, -1L);
      isEmpty = !source.load();
    } finally {
      if (isEmpty) {
        source.cursor.close();
      }
    }
    if (isEmpty) {
      return;
    }
    int at = size++;
    while (at > 0 && source.isBefore(heap[(at - 1) / 2])) {
      heap[at] = heap[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    heap[at] = source;
  }

  /** Goes to the next version; returns whether there is one. */
  public boolean next() throws StorageException {
    if (!begun) {
      begun = true;
    } else {
      while (size > 0 && isAtCurrent(heap[0])) {
        advanceFirst();
      }
    }
    if (size == 0) {
      Invariant.check(
          expectedCount < 0 || versionCount == expectedCount,
          "%d versions were read of %d that the layers have",
          versionCount,
          expectedCount);
      return false;
    }
    Source first = heap[0];
    // The key's 18 bytes are a, b and the upper 16 bits of c.
    sameKey = versionCount > 0 && first.a == a && first.b == b && (first.c ^ c) >>> 48 == 0;
    a = first.a;
    b = first.b;
    c = first.c;
    d = first.d;
    return true;
  }

  private boolean isAtCurrent(Source source) {
    return source.a == a && source.b == b && source.c == c && source.d == d;
  }

  private void advanceFirst() throws StorageException {
    Source moving = heap[0];
    versionCount++;
    moving.cursor.next();
    if (!moving.load()) {
      moving.cursor.close();
      moving = heap[--size];
      if (size == 0) {
        return;
      }
    }
    int at = 0;
    while (2 * at + 1 < size) {
      int child = 2 * at + 1;
      if (child + 1 < size && heap[child + 1].isBefore(heap[child])) {
        child++;
      }
      if (!heap[child].isBefore(moving)) {
        break;
      }
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = moving;
  }

  /** Whether this version is of the same key as the one before it. */
  public boolean isSameKey() {
    return sameKey;
  }

  public Key key() {
    return LayerKeys.key(heap[0].buffers.foundKey);
  }

  public long lsn() {
    return LayerKeys.lsn(heap[0].buffers.foundKey);
  }

  /** The value, in a direct buffer; valid until {@link #next}. */
  public ByteBuffer value() throws StorageException {
    return heap[0].cursor.readValue(heap[0].buffers);
  }

  @Override
  public void close() {
    for (int i = 0; i < size; i++) {
      heap[i].cursor.close();
    }
    size = 0;
  }
}
