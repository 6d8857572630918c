package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.PostgresInstallation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Postgres's client programs, which only a full installation has. */
final class Programs {
  static final int PG_MAJOR = 15;
  private static final List<String> NEEDED = List.of("pgbench", "psql", "pg_receivewal");
  private static final long TIMEOUT_MINUTES = 30;

  private final PostgresInstallation installation;

  private Programs(PostgresInstallation installation) {
    this.installation = installation;
  }

  /** Finds a server with all the clients beside it. */
  static Programs find(Optional<Path> pgBin)
      throws BenchFailure, StorageException, InterruptedException {
    PostgresInstallation found = PostgresInstallation.find(pgBin, PG_MAJOR);
    List<String> missing = new ArrayList<>(NEEDED);
    missing.removeIf(program -> Files.isExecutable(found.bin().resolve(program)));
    if (!missing.isEmpty()) {
      throw new BenchFailure(
          "the benchmarks need %s beside postgres, and %s has none: install the package postgresql-%d (Debian, Ubuntu) or name another directory with --pg-bin"
              .formatted(String.join(", ", missing), found.bin(), PG_MAJOR));
    }
    return new Programs(found);
  }

  PostgresInstallation installation() {
    return installation;
  }

  String path(String program) {
    return installation.bin().resolve(program).toString();
  }

  /** Runs a program to its end; all that it wrote. Fails if it does. */
  String run(Path directory, List<String> command)
      throws BenchFailure, IOException, InterruptedException {
    Path output = Files.createTempFile(directory, "output", ".txt");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      boolean ended = process.waitFor(TIMEOUT_MINUTES, TimeUnit.MINUTES);
      String text = Files.readString(output);
      if (!ended || process.exitValue() != 0) {
        throw new BenchFailure(
            "%s %s:%n%s"
                .formatted(String.join(" ", command), ended ? "failed" : "did not end", text));
      }
      return text;
    } finally {
      process.destroyForcibly();
      Files.delete(output);
    }
  }
}
