package io.coppice.pageserver.timeline;

import static java.util.Objects.requireNonNull;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerMap;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.redo.ValueKind;
import org.jspecify.annotations.Nullable;

/**
 * Writes image layers that together cover a range of keys, but for keys that are left out by name.
 * Cut by size, where other layers have a border already if one is near. Not thread safe.
 */
final class ImageOutput implements AutoCloseable {
  private final NewLayers layers;
  private final LayerMap borders;
  private final Lsn lsn;
  private final long sizeBytesTarget;

  private NewLayers.@Nullable File file;
  private Key fileFrom;
  private @Nullable Key last;
  private byte[] value = new byte[1 + Page.SIZE_BYTES];

  /** Begins a range at a key. */
  ImageOutput(NewLayers layers, LayerMap borders, Key from, Lsn lsn, long sizeBytesTarget) {
    this.layers = layers;
    this.borders = borders;
    this.fileFrom = from;
    this.lsn = lsn;
    this.sizeBytesTarget = sizeBytesTarget;
  }

  /** Adds a key, above those before, with its value as it is read. */
  void put(Key key, byte[] payload) throws StorageException {
    NewLayers.File writing = file;
    Key before = last;
    if (writing != null && before != null && writing.writer().valueBytes() >= sizeBytesTarget) {
      Key border = borders.borderAfter(before);
      cut(border != null && border.compareTo(key) <= 0 ? border : key);
    }
    begin();
    if (value.length < 1 + payload.length) {
      value = new byte[1 + payload.length];
    }
    value[0] = (byte) ValueKind.IMAGE.code();
    System.arraycopy(payload, 0, value, 1, payload.length);
    requireNonNull(file).writer().put(key, lsn.value(), value, 0, 1 + payload.length);
    last = key;
  }

  private void begin() throws StorageException {
    if (file == null) {
      file = layers.begin(LayerKind.IMAGE);
    }
  }

  private void cut(Key toExclusive) throws StorageException {
    try (NewLayers.File complete = requireNonNull(file)) {
      layers.complete(complete, LayerName.image(fileFrom, toExclusive, lsn, layers.generation()));
    }
    file = null;
    last = null;
    fileFrom = toExclusive;
  }

  /** Leaves a key out: no image covers it. */
  void leaveOut(Key key) throws StorageException {
    if (fileFrom.compareTo(key) < 0) {
      begin();
      cut(key);
    }
    fileFrom = key.next();
  }

  /** Ends the range; what has no key has no key in the images. */
  void finish(Key toExclusive) throws StorageException {
    if (fileFrom.compareTo(toExclusive) < 0) {
      begin();
      cut(toExclusive);
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
