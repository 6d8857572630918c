package io.coppice.fuzz;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.version.PostgresVersion;
import java.util.EnumMap;
import java.util.Map;

/** Input: major (1), page (8192), a value as layers have it, which is applied to the page. */
public final class StoredValueTarget {
  private static final Lsn LSN = new Lsn(0x2000000);
  private static final Key[] KEYS = {
    Key.relationBlock(new RelationTag(1663, 5, 16384, 0), 7),
    Key.relationBlock(new RelationTag(1663, 5, 16384, 2), 0),
    new Key(1, 0, 1, 0, 0, 0)
  };

  private static final ThreadLocal<Map<PostgresVersion, PageRedo>> REDOS =
      ThreadLocal.withInitial(() -> new EnumMap<>(PostgresVersion.class));

  private StoredValueTarget() {}

  /** What Jazzer calls. */
  public static void fuzzerTestOneInput(byte[] input) {
    InputReader reader = new InputReader(input);
    PageRedo redo = REDOS.get().computeIfAbsent(reader.version(), PageRedo::new);
    byte[] before = reader.bytes(Page.SIZE_BYTES);
    byte[] value = reader.rest();
    for (Key key : KEYS) {
      byte[] page = before.clone();
      Page.setLsnValue(page, 0);
      try {
        redo.apply(page, LSN, key, value, 0, value.length);
      } catch (StorageException _) {
        // Refused.
      }
    }
  }
}
