package io.coppice.postgres.redo;

import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.version.PostgresVersion;
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
      case V15 -> v15();
    };
  }

  private static @Nullable ResourceManagerRedo[] v15() {
    PageItems items = new PageItems();
    @Nullable ResourceManagerRedo[] table = new ResourceManagerRedo[RESOURCE_MANAGERS];
    table[ResourceManager.XLOG] = new XlogRedo();
    table[ResourceManager.HEAP] = new HeapRedo(items);
    table[ResourceManager.HEAP2] = new Heap2Redo(items);
    table[ResourceManager.BTREE] = new BtreeRedo(items);
    table[ResourceManager.SEQ] = new SequenceRedo(items);
    table[ResourceManager.GENERIC] = new GenericRedo();
    return table;
  }
}
