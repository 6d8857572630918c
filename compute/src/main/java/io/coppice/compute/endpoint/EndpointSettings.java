package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.Initdb;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The configuration of a compute's Postgres. Three kinds: what durability hangs on is fixed on the
 * command line, where neither files nor ALTER SYSTEM reach; the rest has our defaults, which the
 * user may override.
 *
 * <p>ALTER SYSTEM works until the endpoint ends: local data is disposable.
 */
final class EndpointSettings {
  /** By which name the proposer attaches, and commits wait for it. */
  static final String PROPOSER_NAME = "coppice";

  private static final Pattern NAME = Pattern.compile("[a-z_][a-z0-9_]*(\\.[a-z_][a-z0-9_]*)?");
  private static final int CLUSTER_NAME_LENGTH_MAX = 63;

  /** Fixed by {@link #fixed}, or naming files and sources of WAL that a compute has not. */
  private static final Set<String> REFUSED =
      Set.of(
          "port",
          "listen_addresses",
          "unix_socket_directories",
          "data_directory",
          "config_file",
          "hba_file",
          "ident_file",
          "external_pid_file",
          "fsync",
          "full_page_writes",
          "restart_after_crash",
          "synchronous_standby_names",
          "archive_mode",
          "archive_command",
          "archive_library",
          "restore_command",
          "primary_conninfo",
          "primary_slot_name",
          "track_commit_timestamp");

  private EndpointSettings() {}

  /** {@code name=value} for the command line. */
  static List<String> fixed(int port) {
    return List.of(
        "port=" + port,
        "listen_addresses=127.0.0.1",
        // A socket's path must be short and reachable; a loopback address always works.
        "unix_socket_directories=",
        // Durable is what the quorum has; the local disk is a cache.
        "fsync=off",
        "full_page_writes=off",
        // A restart in place would show transactions that the quorum may not have.
        "restart_after_crash=off",
        "synchronous_standby_names=" + PROPOSER_NAME,
        "archive_mode=off",
        "track_commit_timestamp=off");
  }

  /**
   * Checks what a user wants to set.
   *
   * @throws StorageException.Invalid for a malformed name and for what a compute depends on
   */
  static void check(Map<String, String> settings) throws StorageException {
    for (Map.Entry<String, String> setting : settings.entrySet()) {
      String name = setting.getKey();
      if (!NAME.matcher(name).matches()) {
        throw new StorageException.Invalid(
            "not the name of a Postgres setting: \"%s\"".formatted(name));
      }
      if (REFUSED.contains(name)) {
        throw new StorageException.Invalid(
            "the Postgres setting \"%s\" is fixed by Coppice".formatted(name));
      }
      if (setting.getValue().chars().anyMatch(c -> c < ' ')) {
        throw new StorageException.Invalid(
            "the value of \"%s\" has control characters".formatted(name));
      }
    }
    String walLevel = settings.getOrDefault("wal_level", "replica");
    if (!walLevel.equals("replica") && !walLevel.equals("logical")) {
      throw new StorageException.Invalid(
          "wal_level must be replica or logical, not \"%s\"".formatted(walLevel));
    }
  }

  /** Writes the configuration files of a data directory, over those that are there. */
  static void write(Path dataDirectory, String branch, Map<String, String> settings)
      throws IOException {
    Map<String, String> all = defaults(branch);
    all.putAll(settings);
    StringBuilder conf = new StringBuilder("# Written at each start; changes here are lost.\n");
    all.forEach((name, value) -> conf.append(name).append(" = ").append(quote(value)).append('\n'));
    writePrivate(dataDirectory.resolve("postgresql.conf"), conf.toString());
    writePrivate(dataDirectory.resolve("postgresql.auto.conf"), "");
    writePrivate(
        dataDirectory.resolve("pg_hba.conf"),
        """
        # Written at each start. The server listens on loopback only.
        host  all          all  127.0.0.1/32  trust
        host  replication  %s  127.0.0.1/32  trust
        """
            .formatted(Initdb.SUPERUSER));
    writePrivate(dataDirectory.resolve("pg_ident.conf"), "");
  }

  private static Map<String, String> defaults(String branch) {
    Map<String, String> defaults = new LinkedHashMap<>();
    defaults.put("cluster_name", clusterName(branch));
    defaults.put("wal_level", "replica");
    defaults.put("synchronous_commit", "on");
    defaults.put("max_wal_senders", "10");
    defaults.put("max_replication_slots", "10");
    // What the proposer has not read yet must not be recycled before its slot holds it.
    defaults.put("wal_keep_size", "128MB");
    defaults.put("max_wal_size", "1GB");
    defaults.put("hot_standby", "on");
    defaults.put("shared_buffers", "128MB");
    defaults.put("max_connections", "100");
    defaults.put("log_line_prefix", "%m [%p] ");
    defaults.put("log_timezone", "UTC");
    defaults.put("timezone", "UTC");
    defaults.put("logging_collector", "off");
    return defaults;
  }

  /** Seen in the titles of processes; other characters than these Postgres would replace. */
  private static String clusterName(String branch) {
    String name = "coppice:" + branch.replaceAll("[^A-Za-z0-9_.:/-]", "?");
    return name.substring(0, Math.min(name.length(), CLUSTER_NAME_LENGTH_MAX));
  }

  /** A string as {@code guc-file.l} reads it. */
  private static String quote(String value) {
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'";
  }

  private static void writePrivate(Path file, String text) throws IOException {
    Files.writeString(file, text, StandardCharsets.UTF_8);
    Files.setPosixFilePermissions(
        file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
  }
}
