package io.coppice.postgres.datadir;

import static io.coppice.postgres.bytes.LittleEndian.i32;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.version.PostgresVersion;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.zip.CRC32C;

/**
 * The map from system catalogs whose file cannot be looked up in a catalog to their files ({@code
 * relmapper.c}).
 *
 * <pre>
 *                0       4          8                                     504   508       512
 *  14 and 15     | magic | n in use | catalog OID, file number   x 62     | crc | padding |
 *                0       4          8                                     520   524
 *  from 16 on    | magic | n in use | catalog OID, file number   x 64     | crc |
 * </pre>
 *
 * @param fileNumbers by catalog OID
 */
public record RelationMap(Map<Integer, Integer> fileNumbers) {
  private static final int MAGIC = 0x592717;
  private static final int FILE_BYTES_V14_TO_15 = 512;
  private static final int FILE_BYTES_V16_TO_18 = 524;
  private static final int MAPPINGS_MAX_V14_TO_15 = 62;
  private static final int MAPPINGS_MAX_V16_TO_18 = 64;
  private static final int MAPPINGS = 8;
  private static final int MAPPING_BYTES = 8;

  public RelationMap {
    fileNumbers = Map.copyOf(fileNumbers);
  }

  /** Bytes in the file. */
  public static int fileBytes(PostgresVersion version) {
    return switch (version) {
      case V14, V15 -> FILE_BYTES_V14_TO_15;
      case V16, V17, V18 -> FILE_BYTES_V16_TO_18;
    };
  }

  public static RelationMap read(PostgresVersion version, byte[] file)
      throws StorageException.Corrupt {
    return switch (version) {
      case V14, V15 -> read(file, fileBytes(version), MAPPINGS_MAX_V14_TO_15);
      case V16, V17, V18 -> read(file, fileBytes(version), MAPPINGS_MAX_V16_TO_18);
    };
  }

  private static RelationMap read(byte[] file, int fileBytes, int mappingsMax)
      throws StorageException.Corrupt {
    if (file.length != fileBytes) {
      throw corrupt("length", Integer.toString(fileBytes), Integer.toString(file.length));
    }
    if (i32(file, 0) != MAGIC) {
      throw corrupt("magic", "%08x".formatted(MAGIC), "%08x".formatted(i32(file, 0)));
    }
    int crcOffset = MAPPINGS + mappingsMax * MAPPING_BYTES;
    CRC32C crc = new CRC32C();
    crc.update(file, 0, crcOffset);
    if ((int) crc.getValue() != i32(file, crcOffset)) {
      throw corrupt(
          "CRC", "%08x".formatted((int) crc.getValue()), "%08x".formatted(i32(file, crcOffset)));
    }
    int count = i32(file, 4);
    if (count < 0 || count > mappingsMax) {
      throw corrupt("number of catalogs", "0 to " + mappingsMax, Integer.toString(count));
    }
    Map<Integer, Integer> fileNumbers = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      int at = MAPPINGS + i * MAPPING_BYTES;
      fileNumbers.put(i32(file, at), i32(file, at + 4));
    }
    return new RelationMap(fileNumbers);
  }

  private static StorageException.Corrupt corrupt(String what, String expected, String actual) {
    return new StorageException.Corrupt(
        "pg_filenode.map: %s: expected %s, got %s".formatted(what, expected, actual));
  }

  /** Number of the file of that catalog, if it is a mapped one. */
  public OptionalInt fileNumber(int catalogOid) {
    Integer number = fileNumbers.get(catalogOid);
    return number == null ? OptionalInt.empty() : OptionalInt.of(number);
  }
}
