package io.coppice.pageserver.layer;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;

/** One version of a key. */
public final class VersionedValue {
  private final Key key;
  private final Lsn lsn;
  private final byte[] value;

  VersionedValue(Key key, Lsn lsn, byte[] value) {
    this.key = key;
    this.lsn = lsn;
    this.value = value;
  }

  public Key key() {
    return key;
  }

  public Lsn lsn() {
    return lsn;
  }

  /** Kind byte and payload, or nothing at all if it was deleted; not to be changed. */
  public byte[] value() {
    return value;
  }
}
