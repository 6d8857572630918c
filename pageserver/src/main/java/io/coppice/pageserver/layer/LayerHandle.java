package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.key.Key;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A layer of a timeline, whose file is fetched and opened when it is first read. Lives as long as
 * someone holds a {@link LayerSet} that it is in.
 */
public final class LayerHandle extends RefCounted {
  private static final Logger log = LoggerFactory.getLogger(LayerHandle.class);

  private final LayerEnvironment environment;
  private final LayerFiles files;
  private final TenantTimelineId owner;
  private final LayerDescriptor descriptor;
  private final Object opening = new Object();
  private volatile @Nullable SstLayer layer;
  private volatile boolean resident;
  private volatile @Nullable Runnable unread;

  public LayerHandle(
      LayerEnvironment environment,
      LayerFiles files,
      TenantTimelineId owner,
      LayerDescriptor descriptor) {
    this.environment = environment;
    this.files = files;
    this.owner = owner;
    this.descriptor = descriptor;
  }

  public LayerDescriptor descriptor() {
    return descriptor;
  }

  LayerName name() {
    return descriptor.name();
  }

  /** Whether reading it needs no download. */
  public boolean isResident() {
    if (!resident) {
      resident = layer != null || files.isResident(descriptor);
    }
    return resident;
  }

  /** The open file. The caller holds a reference while it uses it. */
  SstLayer open() throws StorageException {
    SstLayer opened = layer;
    if (opened != null) {
      return opened;
    }
    synchronized (opening) {
      opened = layer;
      if (opened == null) {
        opened = openFile();
        layer = opened;
      }
      return opened;
    }
  }

  private SstLayer openFile() throws StorageException {
    try {
      return SstLayer.open(environment, owner, descriptor, files.fetch(descriptor));
    } catch (StorageException.Corrupt e) {
      log.error("{}; getting it again", e.getMessage());
      files.discard(descriptor);
      return SstLayer.open(environment, owner, descriptor, files.fetch(descriptor));
    }
  }

  /** Whether it has a version of a key of a range; the caller holds a reference. */
  public boolean hasKeyIn(Key from, Key toExclusive) throws StorageException {
    return open().hasKeyIn(from, toExclusive);
  }

  /** Reads all of the file, and checks every block. */
  public void verify() throws StorageException {
    retain();
    try {
      open().verify();
    } finally {
      release();
    }
  }

  /**
   * Has something run once nobody reads it: no reader will find it any more. On the thread of the
   * last reader, so it must only hand over.
   */
  public void whenUnread(Runnable then) {
    unread = then;
  }

  @Override
  protected void dispose() {
    SstLayer opened = layer;
    if (opened != null) {
      opened.close();
    }
    Runnable then = unread;
    if (then != null) {
      then.run();
    }
  }

  @Override
  public String toString() {
    return descriptor.toString();
  }
}
