package io.coppice.fuzz;

import static io.coppice.postgres.bytes.LittleEndian.putI32;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import io.coppice.postgres.datadir.RelationMap;
import io.coppice.postgres.datadir.TwoPhaseFile;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalSegmentName;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;

/** Input: what (1), major (1), where to make the CRC right (2), bytes of a file of the cluster. */
public final class FilesTarget {
  private static final int CATALOG_VERSION = 202209061;
  private static final int SEGMENT_SIZE_BYTES = 1 << 24;

  private FilesTarget() {}

  /** What Jazzer calls. */
  public static void fuzzerTestOneInput(byte[] input) {
    InputReader reader = new InputReader(input);
    int what = reader.u8();
    PostgresVersion version = reader.version();
    int crcAt = reader.u16();
    byte[] bytes = reader.rest();
    fixCrc(bytes, crcAt);
    try {
      switch (what % 5) {
        case 0 -> {
          byte[] file = Arrays.copyOf(bytes, ControlFile.FILE_SIZE_BYTES);
          ControlFile.read(file).checkPoint();
        }
        case 1 -> RelationMap.read(version, bytes);
        case 2 -> TwoPhaseFile.decode(bytes);
        case 3 -> CheckPoint.read(version, bytes, 0, bytes.length);
        default -> {
          String path = new String(bytes, StandardCharsets.UTF_8);
          new DataDirectoryLayout(version, CATALOG_VERSION, SEGMENT_SIZE_BYTES).classify(path);
          WalSegmentName.parse(path, SEGMENT_SIZE_BYTES);
        }
      }
    } catch (StorageException _) {
      // Refused.
    }
  }

  private static void fixCrc(byte[] bytes, int at) {
    if (at > 0 && at + Integer.BYTES <= bytes.length) {
      CRC32C crc = new CRC32C();
      crc.update(bytes, 0, at);
      putI32(bytes, at, (int) crc.getValue());
    }
  }
}
