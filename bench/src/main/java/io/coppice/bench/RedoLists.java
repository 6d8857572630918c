package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.wal.WalRecord;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Versions of one page as they are stored, taken from real WAL: an image, and records after it. */
final class RedoLists {
  private RedoLists() {}

  /** One stored version. */
  @SuppressWarnings("ArrayRecordComponent")
  record Version(Lsn lsn, byte[] value) {}

  /**
   * Versions of a page, oldest first.
   *
   * @param key that they are stored under
   */
  record PageVersions(Key key, List<Version> versions) {
    void write(Path file) throws IOException {
      try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(file))) {
        byte[] bytes = new byte[Key.SIZE_BYTES];
        key.write(bytes, 0);
        out.write(bytes);
        out.writeInt(versions.size());
        for (Version version : versions) {
          out.writeLong(version.lsn().value());
          out.writeInt(version.value().length);
          out.write(version.value());
        }
      }
    }

    static PageVersions read(Path file) throws IOException {
      try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
        Key key = Key.read(in.readNBytes(Key.SIZE_BYTES), 0);
        List<Version> versions = new ArrayList<>();
        int count = in.readInt();
        for (int i = 0; i < count; i++) {
          Lsn lsn = new Lsn(in.readLong());
          versions.add(new Version(lsn, in.readNBytes(in.readInt())));
        }
        return new PageVersions(key, versions);
      }
    }
  }

  /**
   * The first heap page in the archive with an image and so many heap records after it.
   *
   * @throws BenchFailure if no page has that many
   */
  static PageVersions find(WalArchive archive, int records) throws BenchFailure, StorageException {
    Map<Key, List<Version>> pages = new HashMap<>();
    ByteSink value = new ByteSink();
    WalRecord record = new WalRecord();
    try (ClusterFiles base = ClusterFiles.open(archive.base());
        WalFileReader reader = WalFiles.open(archive.segments()).readFrom(base.startLsn())) {
      while (reader.next(record)) {
        for (int id = 0; id < record.blockCount(); id++) {
          if (!record.hasBlock(id) || record.blockFork(id) != Fork.MAIN.number()) {
            continue;
          }
          Key key = Key.relationBlock(record.blockTag(id), record.blockNumber(id));
          if (record.blockApplyImage(id)) {
            pages.put(key, new ArrayList<>());
          }
          List<Version> versions = pages.get(key);
          if (versions == null || (!versions.isEmpty() && !isHeap(record))) {
            pages.remove(key);
            continue;
          }
          StoredValues.encodeBlock(record, id, value);
          versions.add(new Version(record.end(), Arrays.copyOf(value.bytes(), value.length())));
          if (versions.size() == records + 1) {
            return new PageVersions(key, versions);
          }
        }
      }
    }
    throw new BenchFailure("no page of the archive has %d heap records".formatted(records));
  }

  private static boolean isHeap(WalRecord record) {
    return record.resourceManager() == ResourceManager.HEAP
        || record.resourceManager() == ResourceManager.HEAP2;
  }
}
