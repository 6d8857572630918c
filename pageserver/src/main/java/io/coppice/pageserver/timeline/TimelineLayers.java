package io.coppice.pageserver.timeline;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.layer.LayerMap;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.layer.OpenLayer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The layers of a timeline as they change: an open one appears with the first value, is frozen, and
 * is replaced by the file it was written to. Frozen ones are written in their order, and are few:
 * who wants to freeze one more waits.
 *
 * <p>Readers take a reference to the current {@link LayerSet} without a lock; every change builds
 * the next set and swaps it under the lock.
 */
final class TimelineLayers {
  /** Frozen layers that may wait for being written. */
  static final int FROZEN_MAX = 2;

  private static final long COMPACTION_WAIT_MILLIS_MAX = 60_000;

  private final TimelineEnvironment environment;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private volatile LayerSet current;
  private @Nullable OpenLayer open;

  /** Oldest first. */
  private final Deque<FrozenLayer> frozen = new ArrayDeque<>();

  private LayerMap files;
  private volatile @Nullable StorageException closed;

  /** Takes over the callers' references to these layers. */
  TimelineLayers(TimelineEnvironment environment, List<LayerHandle> layers) {
    this.environment = environment;
    this.files = new LayerMap(layers);
    this.current = new LayerSet(List.of(), files);
    layers.forEach(LayerHandle::release);
  }

  /** The current layers, with a reference that the caller releases. */
  LayerSet acquire() throws StorageException {
    while (true) {
      LayerSet set = current;
      if (set.tryRetain()) {
        return set;
      }
      lock.lock();
      try {
        if (closed != null) {
          throw closed;
        }
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * As {@link #acquire}, but files alone: for work that takes long, so that the memory of layers
   * that are written meanwhile is free for those to come.
   */
  LayerSet acquireFiles() throws StorageException {
    return acquire().toFilesAlone();
  }

  private void swap() {
    List<OpenLayer> memory = new ArrayList<>();
    if (open != null) {
      memory.add(open);
    }
    frozen.descendingIterator().forEachRemaining(older -> memory.add(older.layer()));
    LayerSet next = new LayerSet(memory, files);
    LayerSet previous = current;
    boolean hadMemory = !previous.memory().isEmpty();
    current = next;
    previous.release();
    if (hadMemory != !memory.isEmpty()) {
      environment.countInMemory(hadMemory ? -1 : 1);
    }
    changed.signalAll();
  }

  /** The writer's: adds an open layer, of which there was none. */
  OpenLayer addOpen(Lsn startLsn) throws StorageException {
    lock.lock();
    try {
      checkNotClosed();
      Invariant.check(open == null, "two open layers");
      OpenLayer added =
          new OpenLayer(startLsn, environment.clock().monotonicMillis(), environment.layers());
      open = added;
      swap();
      return added;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Freezes the open layer, if there is one, once there is room for it; the caller sees to it that
   * nothing is written meanwhile. Blocks: this is what holds ingest back while flushing is behind,
   * and slows it down while compaction is far behind. That one is not waited for without end, since
   * it may not get on at all, and reads are slow, but right, with many layers.
   */
  void freeze(RecordPosition position) throws StorageException {
    lock.lock();
    try {
      long leftNanos = TimeUnit.MILLISECONDS.toNanos(COMPACTION_WAIT_MILLIS_MAX);
      while (leftNanos > 0 && isCompactionFarBehind()) {
        checkNotClosed();
        leftNanos = changed.awaitNanos(leftNanos);
      }
      while (frozen.size() >= FROZEN_MAX) {
        checkNotClosed();
        changed.awaitUninterruptibly();
      }
      checkNotClosed();
      freezeLocked(position);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException.Transient("interrupted while compaction was waited for", e);
    } finally {
      lock.unlock();
    }
  }

  private boolean isCompactionFarBehind() {
    return files.level0Count() >= environment.limits().upkeep().level0LayersMax();
  }

  private void freezeLocked(RecordPosition position) {
    OpenLayer layer = open;
    if (layer != null) {
      Invariant.check(
          layer.newestLsn().isAtOrBefore(position.last()),
          "%s has values up to %s, but is frozen at %s",
          layer,
          layer.newestLsn(),
          position.last());
      open = null;
      frozen.addLast(new FrozenLayer(layer, position));
      swap();
    }
  }

  /** What can be done while the writer is kept out, under the lock. */
  interface WhileIdle {
    void run(@Nullable OpenLayer open, int frozenCount);
  }

  /** Runs something under the lock, if the gate lets nobody write meanwhile. */
  boolean tryWhileIdle(WriterGate gate, WhileIdle action) {
    lock.lock();
    try {
      if (closed != null || !gate.tryClose()) {
        return false;
      }
      try {
        action.run(open, frozen.size());
        return true;
      } finally {
        gate.reopen();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Within {@link #tryWhileIdle}: as {@link #freeze}, where there is room for it. */
  void freezeWhileIdle(RecordPosition position) {
    Invariant.check(
        lock.isHeldByCurrentThread() && frozen.size() < FROZEN_MAX, "too many are frozen");
    freezeLocked(position);
  }

  /** The writer's: enters the gate once nobody is in {@link #tryWhileIdle}. */
  void enter(WriterGate gate) {
    lock.lock();
    try {
      Invariant.check(gate.tryEnter(), "two threads write to one timeline");
    } finally {
      lock.unlock();
    }
  }

  boolean hasFrozen() {
    lock.lock();
    try {
      return closed == null && !frozen.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** The oldest frozen layer of this kind, if any, with a reference that the caller releases. */
  @Nullable FrozenLayer acquireFrozen(Predicate<FrozenLayer> wanted) {
    lock.lock();
    try {
      if (closed != null) {
        return null;
      }
      for (FrozenLayer one : frozen) {
        if (wanted.test(one)) {
          one.layer().retain();
          return one;
        }
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Puts the file in the place of the oldest frozen layer, which was written to it.
   *
   * @param file null if the layer had nothing in it
   */
  void replaceFrozen(FrozenLayer written, @Nullable LayerHandle file) throws StorageException {
    lock.lock();
    try {
      checkNotClosed();
      Invariant.check(
          written == frozen.peekFirst(), "the frozen layers changed while one was written");
      frozen.removeFirst();
      if (file == null) {
        swap();
      } else {
        files = files.with(file);
        swap();
        file.release();
      }
      written.layer().release();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Puts layer files in the place of others, in one step.
   *
   * @param gone names of files that are here
   * @param added takes over the caller's references
   * @param unread told of each that is gone once nobody reads it, on any thread, maybe under locks
   */
  void replaceFiles(
      Collection<LayerName> gone, Collection<LayerHandle> added, Consumer<LayerName> unread)
      throws StorageException {
    lock.lock();
    try {
      checkNotClosed();
      Set<LayerName> names = Set.copyOf(gone);
      List<LayerHandle> out =
          files.layers().stream().filter(l -> names.contains(l.descriptor().name())).toList();
      Invariant.check(out.size() == names.size(), "of %s only %s are here", names, out);
      out.forEach(layer -> layer.whenUnread(() -> unread.accept(layer.descriptor().name())));
      files = files.replace(out, added);
      swap();
    } finally {
      added.forEach(LayerHandle::release);
      lock.unlock();
    }
  }

  /** The layer that was begun last and is in memory; null if there is none. */
  @Nullable OpenLayer newestInMemory() {
    return current.newest();
  }

  /** Layer files of level 0, those that are not uploaded yet among them. */
  int level0Count() {
    return current.files().level0Count();
  }

  /** The end of what is compacted. */
  Lsn level1End() {
    return current.files().level1End();
  }

  boolean isClosed() {
    return closed != null;
  }

  /** Ends long work once the timeline is closed. */
  void checkNotClosed() throws StorageException {
    StorageException why = closed;
    if (why != null) {
      throw why;
    }
  }

  /** Whether no file has to be downloaded. */
  boolean isResident() {
    return current.isResident();
  }

  long fileSizeBytes() {
    return descriptors().stream().mapToLong(LayerDescriptor::sizeBytes).sum();
  }

  /** Those of these files that are here; the caller releases each. None once closed. */
  List<LayerHandle> acquireResident(List<LayerDescriptor> named) {
    Set<LayerName> names =
        named.stream().map(LayerDescriptor::name).collect(Collectors.toUnmodifiableSet());
    lock.lock();
    try {
      List<LayerHandle> found = new ArrayList<>();
      if (closed == null) {
        for (LayerHandle layer : files.layers()) {
          if (names.contains(layer.descriptor().name()) && layer.isResident()) {
            layer.retain();
            found.add(layer);
          }
        }
      }
      return found;
    } finally {
      lock.unlock();
    }
  }

  /** Reads every layer file and checks every block. */
  void verify() throws StorageException {
    LayerSet set = acquireFiles();
    try {
      for (LayerHandle layer : set.files().layers()) {
        layer.verify();
      }
    } finally {
      set.release();
    }
  }

  /** How many layers there are, and how large they are. */
  LayerStatistics statistics() {
    lock.lock();
    try {
      int level0Count = 0;
      long sizeBytes = 0;
      long residentSizeBytes = 0;
      List<LayerHandle> all = files.layers();
      for (LayerHandle layer : all) {
        level0Count += layer.descriptor().level() == 0 ? 1 : 0;
        sizeBytes += layer.descriptor().sizeBytes();
        residentSizeBytes += layer.isResident() ? layer.descriptor().sizeBytes() : 0;
      }
      return new LayerStatistics(
          open == null || closed != null ? 0 : open.sizeBytes(),
          closed != null ? 0 : frozen.stream().mapToLong(one -> one.layer().sizeBytes()).sum(),
          all.size(),
          level0Count,
          sizeBytes,
          residentSizeBytes);
    } finally {
      lock.unlock();
    }
  }

  long fileSizeBytesUpTo(Lsn lsn) {
    return descriptors().stream()
        .filter(layer -> layer.name().lsnFrom().isAtOrBefore(lsn))
        .mapToLong(LayerDescriptor::sizeBytes)
        .sum();
  }

  /** For people to look at, newest first. */
  List<LayerInfo> describe() {
    LayerSet set = current;
    List<LayerInfo> shown = new ArrayList<>();
    for (OpenLayer layer : set.memory()) {
      shown.add(
          new LayerInfo(
              layer.toString(),
              LayerInfo.Kind.MEMORY,
              layer.sizeBytes(),
              layer.startLsn().plus(1),
              layer.endLsn(),
              true));
    }
    for (LayerHandle layer : set.files().layers()) {
      LayerName name = layer.descriptor().name();
      shown.add(
          new LayerInfo(
              name.toString(),
              switch (name.kind()) {
                case DELTA -> LayerInfo.Kind.DELTA;
                case IMAGE -> LayerInfo.Kind.IMAGE;
              },
              layer.descriptor().sizeBytes(),
              name.lsnFrom(),
              name.lsnTo(),
              layer.isResident()));
    }
    return shown;
  }

  /** Descriptors of all layer files. */
  List<LayerDescriptor> descriptors() {
    lock.lock();
    try {
      return files.layers().stream().map(LayerHandle::descriptor).toList();
    } finally {
      lock.unlock();
    }
  }

  /** Asked under the lock. */
  interface Question {
    boolean isSo() throws StorageException;
  }

  /** Wakes those in {@link #awaitUntil}, whose answer may be another now. */
  void signal() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until something is so; returns false when the time is over. */
  boolean awaitUntil(Question question, long timeoutMillis)
      throws StorageException, InterruptedException {
    long leftNanos = TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
    lock.lock();
    try {
      while (!question.isSo()) {
        checkNotClosed();
        if (leftNanos <= 0) {
          return false;
        }
        leftNanos = changed.awaitNanos(leftNanos);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Once closed: waits for those who still write a frozen layer to its file. */
  void awaitWriters() {
    List<FrozenLayer> last;
    lock.lock();
    try {
      last = List.copyOf(frozen);
    } finally {
      lock.unlock();
    }
    last.forEach(FrozenLayer::awaitWriter);
  }

  /** Lets go of everything; readers that are under way may finish. */
  void close(StorageException why) {
    lock.lock();
    try {
      if (closed != null) {
        return;
      }
      closed = why;
      if (open != null) {
        open.release();
      }
      frozen.forEach(one -> one.layer().release());
      if (!current.memory().isEmpty()) {
        environment.countInMemory(-1);
      }
      current.release();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
