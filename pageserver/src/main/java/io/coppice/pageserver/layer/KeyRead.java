package io.coppice.pageserver.layer;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;

/**
 * The read of one key while it is under way: what was found, and what need not be looked for. Used
 * again from read to read; not thread safe.
 */
public class KeyRead {
  private final VersionList versions = new VersionList();
  private Key key = Key.MIN;
  private Lsn known = Lsn.INVALID;
  private long floor;
  private boolean goesToImage;
  private boolean ended;
  private int layerCount;

  /** Begins to read a key. */
  public void begin(Key newKey) {
    key = newKey;
    known = Lsn.INVALID;
    ended = false;
    layerCount = 0;
    versions.clear();
  }

  public final Key key() {
    return key;
  }

  /** The versions found so far, newest first. */
  public final VersionList versions() {
    return versions;
  }

  /** How many layers were looked into. */
  public final int layerCount() {
    return layerCount;
  }

  /**
   * The value as of that LSN is known, so that of the layers looked into next only later versions
   * are wanted. Where an image is newer it counts instead.
   */
  public final void setKnown(Lsn lsn) {
    known = lsn;
  }

  /** Whether what was found is all there is: neither ancestors nor what is known are needed. */
  public final boolean isEnded() {
    return ended;
  }

  /** Begins a set of layers, in which an image as of that LSN covers the key, if it is valid. */
  void enter(Lsn image) {
    goesToImage = image.isAfter(known);
    floor = goesToImage ? image.value() : known.value();
  }

  /** Versions at or before it are not looked for. */
  final long floor() {
    return floor;
  }

  /** Ends the set of layers; returns whether the image is needed. */
  final boolean leave() {
    ended = goesToImage || versions.isComplete();
    return goesToImage && !versions.isComplete();
  }

  final void countLayer() {
    layerCount++;
  }
}
