package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.OpenLayer;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A layer that is to be written, and up to where the timeline is complete with it. Thread safe: of
 * those who want its file one writes it. Who does has a reference to the layer.
 */
final class FrozenLayer {

  /** Writes a layer that has values to a file, which is complete and has its name then. */
  interface FileWriter {
    LayerDescriptor write(FrozenLayer frozen) throws StorageException;
  }

  private final OpenLayer layer;
  private final RecordPosition position;
  private final ReentrantLock writing = new ReentrantLock();
  private volatile @Nullable LayerDescriptor file;

  FrozenLayer(OpenLayer layer, RecordPosition position) {
    this.layer = layer;
    this.position = position;
  }

  OpenLayer layer() {
    return layer;
  }

  RecordPosition position() {
    return position;
  }

  /** Whether somebody who wants to write it need not wait. */
  boolean isFreeToWrite() {
    return file == null && !layer.isEmpty() && !writing.isLocked();
  }

  boolean isBeingWritten() {
    return writing.isLocked();
  }

  /** Its file; written here, unless it has been. Waits for another thread that is at it. */
  LayerDescriptor file(FileWriter writer) throws StorageException {
    writing.lock();
    try {
      return fileLocked(writer);
    } finally {
      writing.unlock();
    }
  }

  /** Writes its file, unless it has been, or another thread is at it. */
  void tryWrite(FileWriter writer) throws StorageException {
    if (writing.tryLock()) {
      try {
        fileLocked(writer);
      } finally {
        writing.unlock();
      }
    }
  }

  private LayerDescriptor fileLocked(FileWriter writer) throws StorageException {
    LayerDescriptor written = file;
    if (written == null) {
      written = writer.write(this);
      file = written;
    }
    return written;
  }

  /** Waits until nobody writes it. */
  void awaitWriter() {
    writing.lock();
    try {
      // That it was free is all there is to know.
    } finally {
      writing.unlock();
    }
  }
}
