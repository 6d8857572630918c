package io.coppice.postgres.redo;

import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.version.PostgresVersion;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which class replays which resource manager's records, for each major version. What differs
 * between majors is in the classes named here, and nowhere else in redo.
 */
final class RedoTables {
  private static final int RESOURCE_MANAGERS = 256;

  private RedoTables() {}

  /** By id of the resource manager; null where nothing is replayed but full-page images. */
  static @Nullable ResourceManagerRedo[] of(PostgresVersion version) {
    return switch (version) {
      case V14 -> common(HeapPruningV14To16::ofV14, CatalogMark.ABSENT);
      case V15 -> common(HeapPruningV14To16::ofV15, CatalogMark.ABSENT);
      case V16 -> common(HeapPruningV14To16::ofV16, CatalogMark.PRESENT);
      case V17, V18 -> common(HeapPruningV17To18::new, CatalogMark.PRESENT);
    };
  }

  /** What is the same in all majors but for how the removal of items is logged. */
  private static @Nullable ResourceManagerRedo[] common(
      Function<PageItems, HeapPruning> pruning, CatalogMark mark) {
    PageItems items = new PageItems();
    @Nullable ResourceManagerRedo[] table = new ResourceManagerRedo[RESOURCE_MANAGERS];
    table[ResourceManager.XLOG] = new XlogRedo();
    table[ResourceManager.HEAP] = new HeapRedo(items);
    table[ResourceManager.HEAP2] = new Heap2Redo(items, pruning.apply(items));
    table[ResourceManager.BTREE] = new BtreeRedo(items);
    table[ResourceManager.HASH] = new HashRedo(items);
    table[ResourceManager.GIN] = new GinRedo(items);
    table[ResourceManager.GIST] = new GistRedo(items, mark);
    table[ResourceManager.SEQ] = new SequenceRedo(items);
    table[ResourceManager.SPGIST] = new SpgistRedo(items, mark);
    table[ResourceManager.BRIN] = new BrinRedo(items);
    table[ResourceManager.GENERIC] = new GenericRedo();
    return table;
  }
}
