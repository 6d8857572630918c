package io.coppice.postgres.version;

import io.coppice.common.error.StorageException;
import java.util.Arrays;
import java.util.stream.Collectors;

/** A major version of PostgreSQL whose formats are known here. */
public enum PostgresVersion {
  V15(15, 0xD110, 1300, "15");

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
  private final String versionFileText;

  PostgresVersion(int major, int walPageMagic, int controlFileVersion, String versionFileText) {
    this.major = major;
    this.walPageMagic = walPageMagic;
    this.controlFileVersion = controlFileVersion;
    this.versionFileText = versionFileText;
  }

  /** 15 for PostgreSQL 15.x. */
  public int major() {
    return major;
  }

  /** First two bytes of every WAL page ({@code XLOG_PAGE_MAGIC}). */
  public int walPageMagic() {
    return walPageMagic;
  }

  /** Format of {@code global/pg_control} ({@code PG_CONTROL_VERSION}). */
  public int controlFileVersion() {
    return controlFileVersion;
  }

  /** What {@code PG_VERSION} files hold, without the newline. */
  public String versionFileText() {
    return versionFileText;
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

  /** The version that writes pg_control in that format. */
  public static PostgresVersion ofControlFileVersion(int controlFileVersion)
      throws StorageException.Unsupported {
    for (PostgresVersion version : values()) {
      if (version.controlFileVersion == controlFileVersion) {
        return version;
      }
    }
    throw new StorageException.Unsupported(
        "pg_control of format %d is not supported (supported majors: %s)"
            .formatted(controlFileVersion, majors()));
  }

  private static String majors() {
    return Arrays.stream(values())
        .map(version -> Integer.toString(version.major))
        .collect(Collectors.joining(", "));
  }
}
