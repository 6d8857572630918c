package io.coppice.compute.postgres;

import io.coppice.common.error.StorageException;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The programs of one Postgres.
 *
 * @param bin holds {@code postgres} and {@code initdb}
 * @param version as {@code postgres --version} tells it, such as {@code 15.18}
 * @param embedded whether it is the one that comes with Coppice
 */
public record PostgresInstallation(Path bin, int major, String version, boolean embedded) {
  private static final long VERSION_TIMEOUT_MILLIS = 20_000;

  /** {@code postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)}. */
  private static final Pattern VERSION =
      Pattern.compile("^postgres \\(PostgreSQL\\) ((\\d{1,4})\\S*)", Pattern.MULTILINE);

  /**
   * Finds a Postgres of a major version: in {@code pgBin} if given, and nowhere else then; else on
   * this machine; else the one that comes with Coppice, unpacked into the cache.
   *
   * @throws StorageException.Precondition if there is none; the message says where was looked
   */
  public static PostgresInstallation find(Optional<Path> pgBin, int major)
      throws StorageException, InterruptedException {
    // Where packages put it is looked at first: to ask each pg_config on the PATH takes time.
    Path usual = Path.of("/usr/lib/postgresql/%d/bin".formatted(major));
    if (pgBin.isEmpty()) {
      Optional<PostgresInstallation> found =
          inspect(usual, OptionalInt.of(major), new ArrayList<>(), false);
      if (found.isPresent()) {
        return found.get();
      }
    }
    return find(pgBin, major, machineCandidates(usual, major), CacheDirectory.locate());
  }

  /**
   * The Postgres whose programs are in a directory, of whatever major version it is.
   *
   * @throws StorageException.Precondition if there is none
   */
  public static PostgresInstallation at(Path bin) throws StorageException, InterruptedException {
    List<String> lookedAt = new ArrayList<>();
    return inspect(bin, OptionalInt.empty(), lookedAt, false)
        .orElseThrow(() ->
            new StorageException.Precondition(
                "found no PostgreSQL; looked at: " + String.join("; ", lookedAt)));
  }

  static PostgresInstallation find(Optional<Path> pgBin, int major, Set<Path> onMachine, Path cache)
      throws StorageException, InterruptedException {
    List<String> lookedAt = new ArrayList<>();
    Set<Path> candidates = pgBin.map(Set::of).orElse(onMachine);
    for (Path candidate : candidates) {
      Optional<PostgresInstallation> found =
          inspect(candidate, OptionalInt.of(major), lookedAt, false);
      if (found.isPresent()) {
        return found.get();
      }
    }
    if (pgBin.isEmpty()) {
      Optional<URL> jar = EmbeddedBinaries.jar(major);
      if (jar.isPresent()) {
        Path bin = EmbeddedBinaries.unpack(jar.get(), cache);
        Optional<PostgresInstallation> found = inspect(bin, OptionalInt.of(major), lookedAt, true);
        if (found.isPresent()) {
          return found.get();
        }
      } else {
        lookedAt.add(
            "embedded binaries: none of %d for %s on %s"
                .formatted(major, System.getProperty("os.name"), System.getProperty("os.arch")));
      }
    }
    throw new StorageException.Precondition(
        "found no PostgreSQL %d; looked at: %s. Install it, or name the directory of its programs with --pg-bin"
            .formatted(major, String.join("; ", lookedAt)));
  }

  public Path postgres() {
    return bin.resolve("postgres");
  }

  public Path initdb() {
    return bin.resolve("initdb");
  }

  private static Set<Path> machineCandidates(Path usual, int major) throws InterruptedException {
    Set<Path> candidates = new LinkedHashSet<>();
    candidates.add(usual);
    for (String directory :
        System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
      Path pgConfig = Path.of(directory, "pg_config");
      if (directory.startsWith("/") && Files.isExecutable(pgConfig)) {
        bindir(pgConfig).ifPresent(candidates::add);
      }
    }
    candidates.add(Path.of("/usr/pgsql-%d/bin".formatted(major)));
    candidates.add(Path.of("/opt/homebrew/opt/postgresql@%d/bin".formatted(major)));
    candidates.add(Path.of("/usr/local/opt/postgresql@%d/bin".formatted(major)));
    return candidates;
  }

  private static Optional<Path> bindir(Path pgConfig) throws InterruptedException {
    try {
      Commands.Result result =
          Commands.run(List.of(pgConfig.toString(), "--bindir"), VERSION_TIMEOUT_MILLIS);
      return result.succeeded() && result.output().startsWith("/")
          ? Optional.of(Path.of(result.output()))
          : Optional.empty();
    } catch (IOException _) {
      return Optional.empty();
    }
  }

  /** The installation in a directory if it is complete and as wanted; else notes why not. */
  private static Optional<PostgresInstallation> inspect(
      Path bin, OptionalInt wanted, List<String> lookedAt, boolean embedded)
      throws InterruptedException {
    for (String program : List.of("postgres", "initdb")) {
      if (!Files.isExecutable(bin.resolve(program))) {
        lookedAt.add("%s: no %s".formatted(bin, program));
        return Optional.empty();
      }
    }
    try {
      Commands.Result result =
          Commands.run(
              List.of(bin.resolve("postgres").toString(), "--version"), VERSION_TIMEOUT_MILLIS);
      Matcher matcher = VERSION.matcher(result.output());
      if (!result.succeeded() || !matcher.find()) {
        lookedAt.add("%s: postgres --version said \"%s\"".formatted(bin, result.output()));
        return Optional.empty();
      }
      int major = Integer.parseInt(matcher.group(2));
      if (wanted.isPresent() && wanted.getAsInt() != major) {
        lookedAt.add("%s: is %s".formatted(bin, matcher.group(1)));
        return Optional.empty();
      }
      return Optional.of(
          new PostgresInstallation(bin.toAbsolutePath(), major, matcher.group(1), embedded));
    } catch (IOException e) {
      lookedAt.add("%s: %s".formatted(bin, e.getMessage()));
      return Optional.empty();
    }
  }

  @Override
  public String toString() {
    return "PostgreSQL %s in %s".formatted(version, bin);
  }
}
