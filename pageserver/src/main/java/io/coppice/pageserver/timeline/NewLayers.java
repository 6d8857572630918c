package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.SstLayerWriter;
import io.coppice.pageserver.remote.LayerCache;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Layers that are being made for a timeline and are not part of it yet: each is written, synced,
 * named and uploaded before the next is begun. Not thread safe.
 */
final class NewLayers {
  private static final int LEVEL = 1;

  private final TimelineEnvironment environment;
  private final LayerCache cache;
  private final TenantTimelineId id;
  private final List<LayerDescriptor> complete = new ArrayList<>();
  private final List<LayerName> names = new ArrayList<>();

  NewLayers(TimelineEnvironment environment, LayerCache cache, TenantTimelineId id) {
    this.environment = environment;
    this.cache = cache;
    this.id = id;
  }

  /** A file that is being written, under a temporary name. */
  record File(SstLayerWriter writer, Path temporary, int number) implements AutoCloseable {
    @Override
    public void close() {
      writer.close();
    }
  }

  File begin(LayerKind kind) throws StorageException {
    int number = environment.remote().nextLayerNumber();
    Path temporary = cache.temporary("layer-%08x".formatted(number));
    return new File(
        SstLayerWriter.create(environment.layers(), kind, LEVEL, temporary), temporary, number);
  }

  /** Ends a file and uploads it. */
  void complete(File file, LayerName unnumbered) throws StorageException {
    LayerName name = unnumbered.withNumber(file.number());
    names.add(name);
    LayerDescriptor layer = file.writer().finish(id, name);
    cache.publish(file.temporary(), name);
    cache.upload(name);
    complete.add(layer);
  }

  /** What is in the object store. */
  List<LayerDescriptor> complete() {
    return complete;
  }

  /** Names of all that may be in the object store, or here. */
  List<LayerName> names() {
    return names;
  }

  int generation() {
    return environment.remote().generation();
  }
}
