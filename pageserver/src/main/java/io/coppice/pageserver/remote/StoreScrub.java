package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerName;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Compares what the indexes in an object store name with the objects that are there. Needs no
 * running page server, and takes no generation, so one may run meanwhile.
 *
 * <p>Objects are listed before the index is read: what was uploaded and is named by then is there.
 * What seems to be missing or damaged counts only if the index, read once more, still names it.
 */
public final class StoreScrub {
  private final ObjectStore store;
  private final LayerObjects layers;
  private final OrphanRemoval orphans;
  private final Consumer<ScrubProblem> problems;

  /**
   * Of one store.
   *
   * @param layers how single layers are checked
   * @param orphans what happens with objects that nothing names
   * @param problems told of each, as it is found
   */
  public StoreScrub(
      ObjectStore store,
      LayerObjects layers,
      OrphanRemoval orphans,
      Consumer<ScrubProblem> problems) {
    this.store = store;
    this.layers = layers;
    this.orphans = orphans;
    this.problems = problems;
  }

  /** All tenants that there is something of, by id; those that can be read with their name. */
  public static Map<TenantId, String> tenants(ObjectStore store) throws StorageException {
    Map<TenantId, String> found = new HashMap<>();
    for (String name : store.listDirectories(ObjectPaths.TENANTS)) {
      try {
        TenantId id = TenantId.parse(name);
        found.put(id, "");
        Optional<byte[]> bytes = store.get(ObjectPaths.tenant(id));
        if (bytes.isPresent()) {
          found.put(id, TenantRecordCodec.decode(ObjectPaths.tenant(id), id, bytes.get()).name());
        }
      } catch (IllegalArgumentException _) {
        // Not a tenant, whatever it is.
      } catch (StorageException.Corrupt | StorageException.Unsupported _) {
        // It is there, without a name; what is wrong is told when it is scrubbed.
      }
    }
    return found;
  }

  /** Looks at everything of a tenant; a row for each branch. */
  public List<ScrubResult> scrub(TenantId tenant) throws StorageException {
    List<ScrubResult> results = new ArrayList<>();
    boolean isThere = checkTenant(tenant, results);
    List<String> names = store.listDirectories(ObjectPaths.timelines(tenant));
    for (String name : names) {
      Optional<TimelineId> timeline = parse(name);
      if (timeline.isPresent()) {
        results.add(scrub(new TenantTimelineId(tenant, timeline.get()), isThere, names));
      } else {
        problems.accept(
            ScrubProblem.orphaned(
                ObjectPaths.timelines(tenant) + name, "is not a branch, and is left alone"));
      }
    }
    if (!isThere && results.stream().anyMatch(result -> !result.branch().isEmpty())) {
      ScrubResult ofTenant = new ScrubResult(tenant, "", "");
      report(
          ofTenant,
          ScrubProblem.missing(
              ObjectPaths.tenant(tenant), "is lost, or its import was never finished", false));
      results.add(ofTenant);
    }
    return results;
  }

  private static Optional<TimelineId> parse(String name) {
    try {
      return Optional.of(TimelineId.parse(name));
    } catch (IllegalArgumentException _) {
      return Optional.empty();
    }
  }

  /** Whether there is a document of the tenant, whole or not. */
  private boolean checkTenant(TenantId tenant, List<ScrubResult> results) throws StorageException {
    String object = ObjectPaths.tenant(tenant);
    Optional<byte[]> bytes = store.get(object);
    if (bytes.isEmpty()) {
      return false;
    }
    try {
      TenantRecordCodec.decode(object, tenant, bytes.get());
    } catch (StorageException.Corrupt | StorageException.Unsupported e) {
      ScrubResult result = new ScrubResult(tenant, "", "");
      report(result, ScrubProblem.damaged(object, String.valueOf(e.getMessage()), false));
      results.add(result);
    }
    return true;
  }

  private ScrubResult scrub(TenantTimelineId id, boolean isTenantThere, List<String> siblings)
      throws StorageException {
    Map<String, ObjectInfo> left = new HashMap<>();
    for (ObjectInfo object : store.list(ObjectPaths.timeline(id))) {
      left.put(object.name(), object);
    }
    String newest = newestIndex(id);
    ScrubResult result = new ScrubResult(id.tenant(), id.timeline().toString(), "");
    if (newest == null) {
      withoutIndex(result, id, isTenantThere, left);
      return result;
    }
    TimelineIndex index;
    try {
      index = load(id, newest);
    } catch (StorageException.Corrupt | StorageException.Unsupported e) {
      // Nobody knows what of the rest is needed.
      report(result, ScrubProblem.damaged(newest, String.valueOf(e.getMessage()), false));
      return result;
    }
    result.setBranch(index.name());
    left.remove(newest);
    index.removed().forEach(layer -> left.remove(ObjectPaths.layer(id, layer)));
    if (index.deleted()) {
      return result; // The page server goes on with that at its next start.
    }
    checkAncestor(result, index, newest, siblings);
    for (LayerDescriptor layer : index.layers()) {
      checkLayer(result, id, layer, left.remove(ObjectPaths.layer(id, layer.name())));
    }
    for (ObjectInfo object : left.values()) {
      orphan(result, id, object, "is named by no index");
    }
    return result;
  }

  /**
   * An import puts layers first; all other branches begin with their index. So, unless it is of a
   * tenant that never came to be, what is without one may be all that is left of a branch.
   */
  private void withoutIndex(
      ScrubResult result,
      TenantTimelineId id,
      boolean isTenantThere,
      Map<String, ObjectInfo> objects)
      throws StorageException {
    if (isTenantThere && !objects.isEmpty()) {
      report(
          result,
          ScrubProblem.missing(
              ObjectPaths.indexes(id) + "*",
              "has %d objects of a branch without an index".formatted(objects.size()),
              false));
      return;
    }
    for (ObjectInfo object : objects.values()) {
      orphan(result, id, object, "is of an import that was never finished");
    }
  }

  private void checkAncestor(
      ScrubResult result, TimelineIndex index, String object, List<String> siblings)
      throws StorageException {
    Optional<TimelineId> ancestor = index.ancestor();
    if (ancestor.isPresent()
        && (!siblings.contains(ancestor.get().toString())
            || newestIndex(new TenantTimelineId(index.id().tenant(), ancestor.get())) == null)) {
      report(
          result,
          ScrubProblem.missing(
              ObjectPaths.indexes(new TenantTimelineId(index.id().tenant(), ancestor.get())) + "*",
              "the index of the branch that %s is of".formatted(object),
              false));
    }
  }

  private void checkLayer(
      ScrubResult result, TenantTimelineId id, LayerDescriptor layer, @Nullable ObjectInfo object)
      throws StorageException {
    String name = ObjectPaths.layer(id, layer.name());
    result.addLayer(layer.sizeBytes());
    Optional<String> problem =
        object == null ? Optional.of("is not there") : layers.check(name, object, layer);
    if (problem.isEmpty() || !isStillNamed(id, layer.name())) {
      return;
    }
    boolean repaired = layers.repair(id, name, layer);
    report(
        result,
        object == null
            ? ScrubProblem.missing(name, problem.get(), repaired)
            : ScrubProblem.damaged(name, problem.get(), repaired));
  }

  /** Whether the index as it is now has it: it may have been compacted away meanwhile. */
  private boolean isStillNamed(TenantTimelineId id, LayerName layer) throws StorageException {
    String newest = newestIndex(id);
    return newest != null
        && load(id, newest).layers().stream().anyMatch(named -> named.name().equals(layer));
  }

  private void orphan(ScrubResult result, TenantTimelineId id, ObjectInfo object, String why)
      throws StorageException {
    boolean isOurs = object.name().startsWith(ObjectPaths.indexes(id)) || isLayer(id, object);
    if (!isOurs) {
      report(result, ScrubProblem.orphaned(object.name(), "has no name of ours; left alone"));
      result.addOrphan(object.sizeBytes(), false);
      return;
    }
    boolean isDeleted = orphans.isDue(object.name()) && !isNamedNow(id, object);
    if (isDeleted) {
      store.delete(object.name());
    }
    result.addOrphan(object.sizeBytes(), isDeleted);
    problems.accept(ScrubProblem.orphaned(object.name(), isDeleted ? why + "; deleted" : why));
  }

  /** Whether an upload that was under way has come to its end since. */
  private boolean isNamedNow(TenantTimelineId id, ObjectInfo object) throws StorageException {
    String newest = newestIndex(id);
    if (newest == null) {
      return false;
    }
    return newest.equals(object.name())
        || load(id, newest).layers().stream()
            .anyMatch(layer -> ObjectPaths.layer(id, layer.name()).equals(object.name()));
  }

  private static boolean isLayer(TenantTimelineId id, ObjectInfo object) {
    try {
      LayerName.parse(object.name().substring(ObjectPaths.timeline(id).length()));
      return true;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  private void report(ScrubResult result, ScrubProblem problem) {
    result.add(problem);
    problems.accept(problem);
  }

  private @Nullable String newestIndex(TenantTimelineId id) throws StorageException {
    List<ObjectInfo> indexes = store.list(ObjectPaths.indexes(id));
    return indexes.isEmpty() ? null : indexes.getLast().name();
  }

  private TimelineIndex load(TenantTimelineId id, String object) throws StorageException {
    byte[] bytes =
        store
            .get(object)
            .orElseThrow(
                () -> new StorageException.Transient(object + " was listed, but is not there"));
    return TimelineIndexCodec.decode(object, id, bytes);
  }

  /** The file of a layer in a page server's directory of layers. */
  static Path localFile(Path layersDirectory, TenantTimelineId id, LayerName layer) {
    return LayerCache.directory(layersDirectory, id).resolve(layer.toString());
  }
}
