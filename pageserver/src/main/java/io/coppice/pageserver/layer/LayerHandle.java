package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.key.Key;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A layer of a timeline, whose file is fetched and opened when it is first read, and may go from
 * this machine at any time: who reads has a reference to the open file, which outlives its name.
 * Lives as long as someone holds a {@link LayerSet} that it is in. Thread safe.
 */
public final class LayerHandle extends RefCounted {
  private static final Logger log = LoggerFactory.getLogger(LayerHandle.class);

  private final LayerEnvironment environment;
  private final LayerFiles files;
  private final TenantTimelineId owner;
  private final LayerDescriptor descriptor;

  /** Held while the file is fetched, opened, replaced or evicted. */
  private final ReentrantLock changing = new ReentrantLock();

  private volatile @Nullable SstLayer layer;
  private volatile boolean resident;
  private volatile long usedAtMillis;
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
    this.usedAtMillis = environment.coarseMillis();
  }

  public LayerDescriptor descriptor() {
    return descriptor;
  }

  LayerName name() {
    return descriptor.name();
  }

  /** Whether reading it needs no download. */
  public boolean isResident() {
    if (resident) {
      return true;
    }
    if (!changing.tryLock()) {
      return layer != null || files.isResident(descriptor);
    }
    try {
      resident = layer != null || files.isResident(descriptor);
      return resident;
    } finally {
      changing.unlock();
    }
  }

  /** Counts what comes and goes on this machine, so that answers about it can be kept. */
  long residencyVersion() {
    return environment.residencyVersion();
  }

  /** When it was last read, to the second, by {@link LayerEnvironment#coarseMillis}. */
  public long usedAtMillis() {
    return usedAtMillis;
  }

  /** The open file, with a reference that the caller releases. */
  SstLayer acquire() throws StorageException {
    usedAtMillis = environment.coarseMillis();
    while (true) {
      SstLayer opened = layer;
      if (opened == null) {
        opened = openFile();
      }
      if (opened.tryRetain()) {
        return opened;
      }
    }
  }

  private SstLayer openFile() throws StorageException {
    changing.lock();
    try {
      SstLayer opened = layer;
      if (opened == null) {
        boolean wasResident = isResident();
        opened = openOrReplace();
        layer = opened;
        resident = true;
        if (!wasResident) {
          environment.residencyChanged();
        }
      }
      return opened;
    } finally {
      changing.unlock();
    }
  }

  private SstLayer openOrReplace() throws StorageException {
    try {
      return SstLayer.open(environment, owner, descriptor, files.fetch(descriptor));
    } catch (StorageException.Corrupt e) {
      log.error("{}; getting it again", e.getMessage());
      return SstLayer.open(environment, owner, descriptor, files.fetchAgain(descriptor));
    }
  }

  /**
   * Gets the file again, whose bytes were found damaged. The damaged one stays until the other is
   * here and checked: it may be the only one.
   *
   * @param damaged as it was open when the damage was found
   * @throws StorageException if there is no whole copy in the object store either
   */
  void replaceDamaged(SstLayer damaged, StorageException.Corrupt why) throws StorageException {
    changing.lock();
    try {
      if (layer != damaged) {
        return; // Somebody has done so already, or it was evicted.
      }
      log.error("{}; getting it again", why.getMessage());
      layer = SstLayer.open(environment, owner, descriptor, files.fetchAgain(descriptor));
      damaged.release();
    } catch (StorageException e) {
      e.addSuppressed(why);
      throw e;
    } finally {
      changing.unlock();
    }
  }

  /**
   * Deletes the file from this machine; readers that are under way go on. The caller sees to it
   * that the object store has it, and holds a reference. Does nothing while the file is being
   * fetched.
   *
   * @return whether it is gone now
   */
  public boolean evict() throws StorageException {
    if (!changing.tryLock()) {
      return false;
    }
    try {
      if (!isResident()) {
        return false;
      }
      // First the name: were it deleted after a new fetch of it, that one would be lost.
      files.evict(descriptor);
      resident = false;
      SstLayer opened = layer;
      layer = null;
      environment.residencyChanged();
      if (opened != null) {
        opened.release();
      }
      return true;
    } finally {
      changing.unlock();
    }
  }

  /** The keys of a range; see {@link ScanSource}. */
  ScanSource scan(Key from, Key toExclusive, Lsn lsn) throws StorageException {
    return new LayerScan(this, from, toExclusive, lsn.value());
  }

  /** A cursor for one pass over all of it, with a reference to the file that closing releases. */
  SstCursor mergeCursor() throws StorageException {
    return acquire().mergeCursor();
  }

  /** Versions that it has. */
  long versionCount() throws StorageException {
    SstLayer opened = acquire();
    try {
      return opened.versionCount();
    } finally {
      opened.release();
    }
  }

  /** Whether it has a version of a key of a range; the caller holds a reference. */
  public boolean hasKeyIn(Key from, Key toExclusive) throws StorageException {
    SstLayer opened = acquire();
    try {
      return opened.hasKeyIn(from, toExclusive);
    } finally {
      opened.release();
    }
  }

  /** Reads all of the file, and checks every block. */
  public void verify() throws StorageException {
    SstLayer opened = acquire();
    try {
      opened.verify();
    } finally {
      opened.release();
    }
  }

  /**
   * Has something run once nobody reads it: no reader will find it any more. On the thread of the
   * last reader, so it must only hand over.
   */
  public void whenUnread(Runnable then) {
    unread = then;
  }

  /** As {@link #verify}, and gets the file again if it is damaged. */
  public void heal() throws StorageException {
    SstLayer opened = acquire();
    try {
      opened.verify();
    } catch (StorageException.Corrupt e) {
      replaceDamaged(opened, e);
    } finally {
      opened.release();
    }
  }

  @Override
  protected void dispose() {
    SstLayer opened = layer;
    if (opened != null) {
      opened.release();
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
