package io.coppice.pageserver.layer;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Direct buffers through which entries of layer files are read; one set for each reader. */
final class EntryBuffers {
  private static final int VALUE_SIZE_BYTES = 1 << 14;

  final ByteBuffer seekKey = LayerKeys.newBuffer();
  final ByteBuffer foundKey = LayerKeys.newBuffer();

  /** The versions of the entry that was read last, and of whom. */
  final VersionRun versions = new VersionRun();

  @Nullable SstCursor readBy;

  private ByteBuffer value = ByteBuffer.allocateDirect(VALUE_SIZE_BYTES);

  /** The buffer for values, empty. */
  ByteBuffer value() {
    return value.clear();
  }

  /** The same, but large enough for that much. */
  ByteBuffer value(int sizeBytes) {
    if (value.capacity() < sizeBytes) {
      value = ByteBuffer.allocateDirect(Integer.highestOneBit(sizeBytes) * 2);
    }
    return value.clear();
  }
}
