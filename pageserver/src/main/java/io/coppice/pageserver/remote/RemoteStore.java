package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerName;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tenants and timelines in the object store, for one start of a page server. Thread safe; calls for
 * the index of one timeline must not overlap, which {@link DurableIndex} sees to while it is open.
 *
 * <p>A start takes a generation, higher than all before it, and all that it writes has it in its
 * name, so that it never overwrites what another start wrote. Of a timeline's indexes the one of
 * the highest generation, but not of a later start than this, counts.
 */
public final class RemoteStore {
  private static final Logger log = LoggerFactory.getLogger(RemoteStore.class);
  private static final int GENERATION_TRIES_MAX = 1000;
  private static final int GENERATION_DIGITS = 8;

  /** Layers got at once; each may take a whole file's room in the network and on the disk. */
  private static final int DOWNLOADS_MAX = 16;

  private final ObjectStore store;
  private final int generation;
  private final AtomicInteger layerNumbers = new AtomicInteger();
  private final RemoteMetrics metrics;
  private final Semaphore downloads = new Semaphore(DOWNLOADS_MAX, true);

  private RemoteStore(ObjectStore store, int generation, RemoteMetrics metrics) {
    this.store = store;
    this.generation = generation;
    this.metrics = metrics;
  }

  /** As {@link #open(ObjectStore, RemoteMetrics)}, with nothing counted. */
  public static RemoteStore open(ObjectStore store) throws StorageException {
    return open(store, new RemoteMetrics(new CompositeMeterRegistry()));
  }

  /** Takes the next generation, durably. */
  public static RemoteStore open(ObjectStore store, RemoteMetrics metrics) throws StorageException {
    List<ObjectInfo> taken = store.list(ObjectPaths.GENERATIONS);
    int next =
        taken.isEmpty() ? 1 : generationOf(taken.getLast().name(), ObjectPaths.GENERATIONS) + 1;
    for (int tries = 0; tries < GENERATION_TRIES_MAX; tries++, next++) {
      if (store.putIfAbsent(ObjectPaths.generation(next), new byte[0])) {
        // Others may have taken, and left behind, this very one since the list was made.
        int newest = newestGeneration(store);
        if (newest == next) {
          for (ObjectInfo old : taken) {
            store.delete(old.name());
          }
          return new RemoteStore(store, next, metrics);
        }
        next = newest;
      }
    }
    throw new StorageException.Transient(
        "no free generation among %d; many page servers are starting"
            .formatted(GENERATION_TRIES_MAX));
  }

  private static int newestGeneration(ObjectStore store) throws StorageException {
    List<ObjectInfo> taken = store.list(ObjectPaths.GENERATIONS);
    return taken.isEmpty() ? 0 : generationOf(taken.getLast().name(), ObjectPaths.GENERATIONS);
  }

  /**
   * Checks that there is no later start. Who is asked after an index was saved may delete what that
   * index does not name: a later start reads that index, or a newer one.
   *
   * @throws StorageException.Fenced if there is one
   */
  public void checkNewest() throws StorageException {
    int newest = newestGeneration(store);
    if (newest != generation) {
      throw new StorageException.Fenced(
          "this page server is generation %d; generation %d has started"
              .formatted(generation, newest));
    }
  }

  private static int generationOf(String object, String prefix) throws StorageException.Corrupt {
    String digits = object.substring(prefix.length());
    try {
      if (digits.length() == GENERATION_DIGITS) {
        return Integer.parseInt(digits, 16);
      }
    } catch (NumberFormatException _) {
      // Reported below.
    }
    throw new StorageException.Corrupt("object " + object + " does not end in a generation");
  }

  public int generation() {
    return generation;
  }

  /** Ids of all tenants that there may be something of. */
  public List<TenantId> tenants() throws StorageException {
    List<TenantId> found = new ArrayList<>();
    for (String name : store.listDirectories(ObjectPaths.TENANTS)) {
      try {
        found.add(TenantId.parse(name));
      } catch (IllegalArgumentException e) {
        log.warn("{}{} is not a tenant and is left alone", ObjectPaths.TENANTS, name);
      }
    }
    return found;
  }

  /** A tenant; empty if its import was never finished. */
  public Optional<TenantRecord> loadTenant(TenantId id) throws StorageException {
    String object = ObjectPaths.tenant(id);
    Optional<byte[]> bytes = store.get(object);
    return bytes.isEmpty()
        ? Optional.empty()
        : Optional.of(TenantRecordCodec.decode(object, id, bytes.get()));
  }

  public void saveTenant(TenantRecord tenant) throws StorageException {
    store.put(ObjectPaths.tenant(tenant.id()), TenantRecordCodec.encode(tenant));
  }

  /** Ids of all timelines of a tenant that there may be something of. */
  public List<TimelineId> timelines(TenantId tenant) throws StorageException {
    List<TimelineId> found = new ArrayList<>();
    String prefix = ObjectPaths.timelines(tenant);
    for (String name : store.listDirectories(prefix)) {
      try {
        found.add(TimelineId.parse(name));
      } catch (IllegalArgumentException e) {
        log.warn("{}{} is not a timeline and is left alone", prefix, name);
      }
    }
    return found;
  }

  /** The index that counts; empty if there is none, so that there is no such timeline. */
  public Optional<TimelineIndex> loadIndex(TenantTimelineId id) throws StorageException {
    String prefix = ObjectPaths.indexes(id);
    String newest = null;
    for (ObjectInfo object : store.list(prefix)) {
      if (generationOf(object.name(), prefix) <= generation) {
        newest = object.name();
      }
    }
    if (newest == null) {
      return Optional.empty();
    }
    Optional<byte[]> bytes = store.get(newest);
    if (bytes.isEmpty()) {
      throw new StorageException.Transient(newest + " was listed, but is not there");
    }
    return Optional.of(TimelineIndexCodec.decode(newest, id, bytes.get()));
  }

  /** Makes an index durable, whose layers are in the object store already. */
  public void saveIndex(TimelineIndex index) throws StorageException {
    store.put(ObjectPaths.index(index.id(), generation), TimelineIndexCodec.encode(index));
  }

  RemoteMetrics metrics() {
    return metrics;
  }

  /** Stores a layer's file under its name. */
  public void upload(TenantTimelineId id, LayerName layer, Path file) throws StorageException {
    boolean succeeded = false;
    try {
      store.putFile(ObjectPaths.layer(id, layer), file);
      succeeded = true;
    } finally {
      metrics.upload(succeeded);
    }
  }

  /** Gets a layer's object into a new file, unchecked and not synced. */
  void download(TenantTimelineId id, LayerDescriptor layer, Path file) throws StorageException {
    downloads.acquireUninterruptibly();
    try {
      store.getToFile(ObjectPaths.layer(id, layer.name()), file);
    } finally {
      downloads.release();
    }
  }

  /** A number that no other layer of this start has in its name. */
  public int nextLayerNumber() {
    return layerNumbers.incrementAndGet();
  }

  /** Deletes a layer's object; {@link DeletionQueue} knows when that may be. */
  void deleteLayer(TenantTimelineId id, LayerName layer) throws StorageException {
    store.delete(ObjectPaths.layer(id, layer));
  }

  /**
   * Deletes all of a timeline.
   *
   * @throws StorageException.Fenced if a later start uses the timeline, perhaps
   */
  public void deleteTimeline(TimelineIndex index) throws StorageException {
    emptyTimeline(index);
    forgetTimeline(index.id());
  }

  /**
   * Deletes all of a timeline but its index, which is marked first: after a crash the deletion goes
   * on, and the timeline does not come back.
   *
   * @throws StorageException.Fenced if a later start uses the timeline, perhaps
   */
  public void emptyTimeline(TimelineIndex index) throws StorageException {
    saveIndex(index.with().deleted(true).build());
    checkNewest();
    String marked = ObjectPaths.index(index.id(), generation);
    for (ObjectInfo object : store.list(ObjectPaths.timeline(index.id()))) {
      if (!object.name().equals(marked)) {
        store.delete(object.name());
      }
    }
  }

  /** Deletes the marked index, which is the last of a timeline. */
  public void forgetTimeline(TenantTimelineId id) throws StorageException {
    store.delete(ObjectPaths.index(id, generation));
  }
}
