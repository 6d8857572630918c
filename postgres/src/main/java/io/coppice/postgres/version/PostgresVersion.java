package io.coppice.postgres.version;

import io.coppice.common.error.StorageException;
import java.util.Arrays;
import java.util.stream.Collectors;

/** A major version of PostgreSQL whose formats are known here. */
public enum PostgresVersion {
  V14(14, 0xD10D, 1300, 202107181),
  V15(15, 0xD110, 1300, 202209061),
  V16(16, 0xD113, 1300, 202307071),
  V17(17, 0xD116, 1700, 202406281),
  V18(18, 0xD118, 1800, 202506291);

  /** Bytes in a page of a relation or an SLRU ({@code BLCKSZ}). */
  public static final int PAGE_SIZE_BYTES = 8192;

  /** Bytes in a page of the write-ahead log ({@code XLOG_BLCKSZ}). */
  public static final int WAL_PAGE_SIZE_BYTES = 8192;

  /** Bytes in a segment of the write-ahead log unless initdb was told another size. */
  public static final int DEFAULT_WAL_SEGMENT_SIZE_BYTES = 16 << 20;

  /** Pages in one file of a relation ({@code RELSEG_SIZE}): 1 GiB. */
  public static final int PAGES_PER_RELATION_SEGMENT = 131_072;

  private final int major;
  private final int walPageMagic;
  private final int controlFileVersion;
  private final int catalogVersion;

  PostgresVersion(int major, int walPageMagic, int controlFileVersion, int catalogVersion) {
    this.major = major;
    this.walPageMagic = walPageMagic;
    this.controlFileVersion = controlFileVersion;
    this.catalogVersion = catalogVersion;
  }

  /** 15 for PostgreSQL 15.x. */
  public int major() {
    return major;
  }

  /** First two bytes of every WAL page ({@code XLOG_PAGE_MAGIC}). */
  public int walPageMagic() {
    return walPageMagic;
  }

  /** Format of {@code global/pg_control} ({@code PG_CONTROL_VERSION}); majors may share one. */
  public int controlFileVersion() {
    return controlFileVersion;
  }

  /** The system catalogs' version ({@code CATALOG_VERSION_NO}), the same in every minor release. */
  public int catalogVersion() {
    return catalogVersion;
  }

  /** What {@code PG_VERSION} files hold, without the newline. */
  public String versionFileText() {
    return Integer.toString(major);
  }

  /**
   * The version of that major number.
   *
   * @throws StorageException.Unsupported if its formats are not known here
   */
  public static PostgresVersion ofMajor(int major) throws StorageException.Unsupported {
    for (PostgresVersion version : values()) {
      if (version.major == major) {
        return version;
      }
    }
    throw new StorageException.Unsupported(
        "PostgreSQL %d is not supported (supported majors: %s)".formatted(major, majors()));
  }

  /** The version whose WAL pages begin with that. */
  public static PostgresVersion ofWalPageMagic(int magic) throws StorageException.Unsupported {
    for (PostgresVersion version : values()) {
      if (version.walPageMagic == magic) {
        return version;
      }
    }
    throw new StorageException.Unsupported(
        "WAL pages with magic %04X are of no supported PostgreSQL (supported majors: %s)"
            .formatted(magic, majors()));
  }

  /**
   * The version whose pg_control has that format and names those catalogs. The format alone does
   * not tell: 14, 15 and 16 share one.
   */
  public static PostgresVersion ofControlFile(int controlFileVersion, int catalogVersion)
      throws StorageException.Unsupported {
    for (PostgresVersion version : values()) {
      if (version.controlFileVersion == controlFileVersion
          && version.catalogVersion == catalogVersion) {
        return version;
      }
    }
    throw new StorageException.Unsupported(
        "pg_control of format %d with catalogs of version %d is not supported (supported majors: %s)"
            .formatted(controlFileVersion, catalogVersion, majors()));
  }

  private static String majors() {
    return Arrays.stream(values())
        .map(version -> Integer.toString(version.major))
        .collect(Collectors.joining(", "));
  }
}
