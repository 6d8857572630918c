package io.coppice.compute.postgres;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes new data directories. */
public final class Initdb {
  /** Of every cluster made here. */
  public static final String SUPERUSER = "postgres";

  /** From this major on, initdb turns data checksums on unless it is told not to. */
  private static final int CHECKSUMS_DEFAULT_SINCE_MAJOR = 18;

  private static final long TIMEOUT_MILLIS = 300_000;

  private Initdb() {}

  /**
   * Makes a cluster, UTF-8, that is cleanly shut down.
   *
   * @param directory empty, owned by {@code runAs}
   * @param locale none is {@code C}
   * @throws StorageException.Precondition if initdb fails; the message has what it said
   */
  public static void run(
      PostgresInstallation installation,
      RunAs runAs,
      Path directory,
      Optional<String> locale,
      boolean dataChecksums)
      throws StorageException, InterruptedException {
    runAs.requireEntry(installation.bin(), "initdb");
    List<String> command = new ArrayList<>();
    command.add(installation.initdb().toString());
    command.addAll(List.of("-D", directory.toString(), "-U", SUPERUSER, "-E", "UTF8"));
    command.addAll(List.of("-A", "trust", "--no-sync", "--no-instructions"));
    command.add(locale.map(name -> "--locale=" + name).orElse("--no-locale"));
    if (dataChecksums) {
      command.add("--data-checksums");
    } else if (installation.major() >= CHECKSUMS_DEFAULT_SINCE_MAJOR) {
      command.add("--no-data-checksums");
    }
    try {
      Commands.Result result = Commands.run(runAs.command(command), TIMEOUT_MILLIS);
      if (!result.succeeded()) {
        throw new StorageException.Precondition(
            "initdb ended with code %d:%n%s".formatted(result.exitCode(), result.output()));
      }
    } catch (IOException e) {
      throw new StorageException.Transient("initdb: " + e.getMessage(), e);
    }
  }
}
