package io.coppice.postgres.datadir;

import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalSegmentName;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Paths within a data directory ({@code relpath.c}, {@code basebackup.c}, {@code initdb.c}): from a
 * path to what it is, and from what it is to its path. Parts are parted by slashes and never begin
 * with one.
 */
public final class DataDirectoryLayout {
  public static final String GLOBAL_DIRECTORY = "global";
  public static final String BASE_DIRECTORY = "base";
  public static final String TABLESPACES_DIRECTORY = "pg_tblspc";
  public static final String TWO_PHASE_DIRECTORY = "pg_twophase";
  public static final String VERSION_FILE = "PG_VERSION";
  public static final String RELATION_MAP_FILE = "pg_filenode.map";

  private static final String OID = "([1-9][0-9]{0,9})";
  private static final Pattern RELATION =
      Pattern.compile(OID + "(?:_(fsm|vm|init))?(?:\\.([1-9][0-9]{0,4}))?");
  private static final Pattern TEMPORARY_RELATION =
      Pattern.compile("t[0-9]+_[1-9][0-9]{0,9}(?:_(?:fsm|vm|init))?(?:\\.[0-9]+)?");
  private static final Pattern OID_ONLY = Pattern.compile(OID);
  private static final Pattern TWO_PHASE_NAME_V14_TO_16 = Pattern.compile("[0-9A-F]{8}");
  private static final Pattern TWO_PHASE_NAME_V17_TO_18 = Pattern.compile("[0-9A-F]{16}");
  private static final long OID_MAX = 0xFFFF_FFFFL;

  private static final Set<String> CONFIGURATION_FILES =
      Set.of("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf");

  private static final Set<String> DISPOSABLE_FILES =
      Set.of(
          "postmaster.pid",
          "postmaster.opts",
          "current_logfiles",
          "backup_label",
          "backup_label.old",
          "backup_manifest",
          "tablespace_map",
          "tablespace_map.old",
          "standby.signal",
          "recovery.signal",
          "logfile");

  private static final Set<String> DISPOSABLE_DIRECTORIES =
      Set.of(
          "pg_dynshmem",
          "pg_notify",
          "pg_serial",
          "pg_snapshots",
          "pg_stat_tmp",
          "pg_subtrans",
          "log");

  private static final Set<String> WAL_NOTES_DIRECTORIES = Set.of("archive_status", "summaries");

  private static final List<String> DIRECTORIES_V14_TO_16 =
      List.of(
          "base",
          "global",
          "pg_commit_ts",
          "pg_dynshmem",
          "pg_logical",
          "pg_logical/mappings",
          "pg_logical/snapshots",
          "pg_multixact",
          "pg_multixact/members",
          "pg_multixact/offsets",
          "pg_notify",
          "pg_replslot",
          "pg_serial",
          "pg_snapshots",
          "pg_stat",
          "pg_stat_tmp",
          "pg_subtrans",
          "pg_tblspc",
          "pg_twophase",
          "pg_wal",
          "pg_wal/archive_status",
          "pg_xact");

  private static final List<String> DIRECTORIES_V17_TO_18 =
      Stream.concat(DIRECTORIES_V14_TO_16.stream(), Stream.of("pg_wal/summaries")).toList();

  private final PostgresVersion version;
  private final int catalogVersion;
  private final int walSegmentSizeBytes;

  /**
   * The layout of one cluster.
   *
   * @param catalogVersion as in pg_control; part of the names of tablespaces' directories
   */
  public DataDirectoryLayout(PostgresVersion version, int catalogVersion, int walSegmentSizeBytes) {
    this.version = version;
    this.catalogVersion = catalogVersion;
    this.walSegmentSizeBytes = walSegmentSizeBytes;
  }

  /** The layout of the cluster whose pg_control that is. */
  public static DataDirectoryLayout of(ControlFile control) {
    return new DataDirectoryLayout(
        control.version(), control.catalogVersion(), control.walSegmentSizeBytes());
  }

  /** Directories that must be there, parents first; databases' are not among them. */
  public static List<String> directories(PostgresVersion version) {
    return switch (version) {
      case V14, V15, V16 -> DIRECTORIES_V14_TO_16;
      case V17, V18 -> DIRECTORIES_V17_TO_18;
    };
  }

  /** Directory of a database, or of the shared catalogs. */
  public String databaseDirectory(int tablespaceOid, int databaseOid) {
    String database = Integer.toUnsignedString(databaseOid);
    return switch (tablespaceOid) {
      case RelationTag.GLOBAL_TABLESPACE_OID -> GLOBAL_DIRECTORY;
      case RelationTag.DEFAULT_TABLESPACE_OID -> BASE_DIRECTORY + "/" + database;
      default -> tablespaceDirectories(tablespaceOid).getLast() + "/" + database;
    };
  }

  /**
   * Directories of a tablespace that is not one of the default ones, parents first. The first is
   * where a server that made the tablespace itself has a link to its location.
   */
  public List<String> tablespaceDirectories(int tablespaceOid) {
    String root = TABLESPACES_DIRECTORY + "/" + Integer.toUnsignedString(tablespaceOid);
    return List.of(root, root + "/" + tablespaceVersionDirectory());
  }

  /** The tablespace that a path is in or is a directory of; empty for the default ones. */
  public Optional<Integer> tablespaceOf(String path) {
    String[] parts = path.split("/", -1);
    return parts.length >= 3
            && parts[0].equals(TABLESPACES_DIRECTORY)
            && parts[2].equals(tablespaceVersionDirectory())
        ? parseOid(parts[1])
        : Optional.empty();
  }

  /** Name of the directory that a server of this version has in the location of a tablespace. */
  public String tablespaceVersionDirectory() {
    return "PG_%d_%d".formatted(version.major(), catalogVersion);
  }

  /** Path of a file of a relation. */
  public String relationPath(RelationTag relation, int segment) {
    StringBuilder path = new StringBuilder();
    path.append(databaseDirectory(relation.spcOid(), relation.dbOid()));
    path.append('/').append(Integer.toUnsignedString(relation.relNumber()));
    if (relation.fork() != Fork.MAIN.number()) {
      path.append('_').append(Fork.of(relation.fork()).suffix());
    }
    if (segment > 0) {
      path.append('.').append(segment);
    }
    return path.toString();
  }

  public String relationMapPath(int tablespaceOid, int databaseOid) {
    return databaseDirectory(tablespaceOid, databaseOid) + "/" + RELATION_MAP_FILE;
  }

  /**
   * Path of a prepared transaction's state.
   *
   * @param fullXid with its epoch, which only names of 17 and later have
   */
  public String twoPhasePath(long fullXid) {
    return switch (version) {
      case V14, V15, V16 -> TWO_PHASE_DIRECTORY + "/" + "%08X".formatted((int) fullXid);
      case V17, V18 -> TWO_PHASE_DIRECTORY + "/" + "%016X".formatted(fullXid);
    };
  }

  private Pattern twoPhaseName() {
    return switch (version) {
      case V14, V15, V16 -> TWO_PHASE_NAME_V14_TO_16;
      case V17, V18 -> TWO_PHASE_NAME_V17_TO_18;
    };
  }

  /** Path of a segment of the log. */
  public String walPath(WalSegmentName segment) {
    return WalSegmentName.DIRECTORY + "/" + segment.fileName(walSegmentSizeBytes);
  }

  /** What the file at that path is. */
  public DataFile classify(String path) {
    String[] parts = path.split("/", -1);
    String name = parts[parts.length - 1];
    if (isTemporary(parts)) {
      return new DataFile.Disposable(path);
    }
    return switch (parts[0]) {
      case GLOBAL_DIRECTORY -> parts.length == 2 ? classifyGlobal(path, name) : unknown(path);
      case BASE_DIRECTORY ->
          parts.length == 3
              ? classifyInDatabase(path, RelationTag.DEFAULT_TABLESPACE_OID, parts[1], name)
              : unknown(path);
      case TABLESPACES_DIRECTORY -> classifyInTablespace(path, parts);
      case TWO_PHASE_DIRECTORY -> classifyTwoPhase(path, parts);
      case WalSegmentName.DIRECTORY -> classifyWal(path, parts);
      case "pg_logical", "pg_replslot" -> new DataFile.ReplicationState(path);
      case "pg_stat" -> new DataFile.Statistics(path);
      default -> parts.length == 1 ? classifyTop(name) : classifyElsewhere(path, name);
    };
  }

  private static DataFile unknown(String path) {
    return new DataFile.Unknown(path);
  }

  /** Sort files, and caches and half-written files that every start removes. */
  private static boolean isTemporary(String[] parts) {
    String name = parts[parts.length - 1];
    for (String part : parts) {
      if (part.startsWith("pgsql_tmp")) {
        return true;
      }
    }
    return name.startsWith("pg_internal.init")
        || name.equals("config_exec_params")
        || name.endsWith(".tmp");
  }

  private static DataFile classifyTop(String name) {
    if (name.equals(VERSION_FILE)) {
      return new DataFile.VersionFile(0, 0);
    }
    if (CONFIGURATION_FILES.contains(name)) {
      return new DataFile.Configuration(name);
    }
    return DISPOSABLE_FILES.contains(name) ? new DataFile.Disposable(name) : unknown(name);
  }

  private static DataFile classifyGlobal(String path, String name) {
    if (path.equals(ControlFile.PATH)) {
      return new DataFile.Control();
    }
    if (name.equals(RELATION_MAP_FILE)) {
      return new DataFile.RelationMapFile(RelationTag.GLOBAL_TABLESPACE_OID, 0);
    }
    return classifyRelation(path, RelationTag.GLOBAL_TABLESPACE_OID, 0, name);
  }

  private DataFile classifyInTablespace(String path, String[] parts) {
    if (parts.length != 5 || !parts[2].equals(tablespaceVersionDirectory())) {
      return unknown(path);
    }
    return parseOid(parts[1])
        .map(tablespace -> classifyInDatabase(path, tablespace, parts[3], parts[4]))
        .orElseGet(() -> unknown(path));
  }

  private static DataFile classifyInDatabase(
      String path, int tablespaceOid, String database, String name) {
    Optional<Integer> oid = parseOid(database);
    if (oid.isEmpty()) {
      return unknown(path);
    }
    int databaseOid = oid.get();
    return switch (name) {
      case VERSION_FILE -> new DataFile.VersionFile(tablespaceOid, databaseOid);
      case RELATION_MAP_FILE -> new DataFile.RelationMapFile(tablespaceOid, databaseOid);
      default -> classifyRelation(path, tablespaceOid, databaseOid, name);
    };
  }

  private static DataFile classifyRelation(
      String path, int tablespaceOid, int databaseOid, String name) {
    if (TEMPORARY_RELATION.matcher(name).matches()) {
      return new DataFile.Disposable(path);
    }
    Matcher matcher = RELATION.matcher(name);
    if (!matcher.matches()) {
      return unknown(path);
    }
    Optional<Integer> relation = parseOid(matcher.group(1));
    if (relation.isEmpty()) {
      return unknown(path);
    }
    String suffix = matcher.group(2);
    Fork fork = suffix == null ? Fork.MAIN : Fork.valueOf(suffix.toUpperCase(Locale.ROOT));
    String segment = matcher.group(3);
    return new DataFile.RelationSegment(
        new RelationTag(tablespaceOid, databaseOid, relation.get(), fork.number()),
        segment == null ? 0 : Integer.parseInt(segment));
  }

  private static Optional<Integer> parseOid(String text) {
    if (!OID_ONLY.matcher(text).matches()) {
      return Optional.empty();
    }
    long oid = Long.parseLong(text);
    return oid <= OID_MAX ? Optional.of((int) oid) : Optional.empty();
  }

  private DataFile classifyTwoPhase(String path, String[] parts) {
    return parts.length == 2 && twoPhaseName().matcher(parts[1]).matches()
        ? new DataFile.TwoPhaseState(Long.parseUnsignedLong(parts[1], 16))
        : unknown(path);
  }

  private DataFile classifyWal(String path, String[] parts) {
    if (parts.length == 3 && WAL_NOTES_DIRECTORIES.contains(parts[1])) {
      return new DataFile.Disposable(path);
    }
    if (parts.length != 2) {
      return unknown(path);
    }
    Optional<WalSegmentName> segment = WalSegmentName.parse(parts[1], walSegmentSizeBytes);
    if (segment.isPresent()) {
      return new DataFile.Wal(segment.get());
    }
    boolean known =
        parts[1].endsWith(".partial")
            || parts[1].endsWith(".history")
            || parts[1].endsWith(".backup")
            || parts[1].startsWith("xlogtemp.");
    return known ? new DataFile.Disposable(path) : unknown(path);
  }

  private static DataFile classifyElsewhere(String path, String name) {
    String directory = path.substring(0, path.length() - name.length() - 1);
    for (SlruKind kind : SlruKind.values()) {
      if (directory.equals(kind.directory())) {
        int segment = SlruKind.parseSegmentName(name);
        return segment < 0 ? unknown(path) : new DataFile.SlruSegment(kind, segment);
      }
    }
    int slash = path.indexOf('/');
    return DISPOSABLE_DIRECTORIES.contains(path.substring(0, slash))
        ? new DataFile.Disposable(path)
        : unknown(path);
  }
}
