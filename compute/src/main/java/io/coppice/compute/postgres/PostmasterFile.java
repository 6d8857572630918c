package io.coppice.compute.postgres;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * {@code postmaster.pid} of a data directory, as {@code CreateLockFile} and {@code
 * AddToDataDirLockFile} of Postgres's {@code miscinit.c} write it: one value a line.
 *
 * <pre>
 *   1 pid of the postmaster        5 first socket directory
 *   2 data directory               6 first listen address
 *   3 start time, epoch seconds    7 shared memory key
 *   4 port                         8 status: starting, stopping, ready, standby
 * </pre>
 *
 * @param status empty until Postgres has written it
 */
record PostmasterFile(long pid, Path dataDirectory, Instant startedAt, String status) {
  private static final String NAME = "postmaster.pid";
  private static final int PID_LINE = 0;
  private static final int DIRECTORY_LINE = 1;
  private static final int START_TIME_LINE = 2;
  private static final int STATUS_LINE = 7;

  /** Process start times and Postgres's own may differ a little. */
  private static final Duration START_TOLERANCE = Duration.ofSeconds(60);

  /** The file of a data directory; empty if there is none or it is still being written. */
  static Optional<PostmasterFile> read(Path dataDirectory) {
    try {
      List<String> lines =
          Files.readAllLines(dataDirectory.resolve(NAME), StandardCharsets.ISO_8859_1);
      if (lines.size() <= START_TIME_LINE) {
        return Optional.empty();
      }
      long pid = Long.parseLong(lines.get(PID_LINE).strip());
      long startSeconds = Long.parseLong(lines.get(START_TIME_LINE).strip());
      String status = lines.size() > STATUS_LINE ? lines.get(STATUS_LINE).strip() : "";
      return Optional.of(
          new PostmasterFile(
              pid,
              Path.of(lines.get(DIRECTORY_LINE)),
              Instant.ofEpochSecond(startSeconds),
              status));
    } catch (IOException | NumberFormatException _) {
      return Optional.empty();
    }
  }

  boolean isReady() {
    return status.equals("ready") || status.equals("standby");
  }

  /**
   * The process, if it is alive and is the postmaster of that directory: a pid alone may be
   * anybody's by now. A postmaster's working directory is its data directory; where that cannot be
   * seen, its start time must fit.
   */
  Optional<ProcessHandle> process(Path expected) {
    if (pid <= 1) {
      return Optional.empty();
    }
    return ProcessHandle.of(pid).filter(process -> isPostmasterOf(process, expected));
  }

  private boolean isPostmasterOf(ProcessHandle process, Path expected) {
    if (Files.isDirectory(Path.of("/proc/self"))) {
      try {
        Path cwd = Files.readSymbolicLink(Path.of("/proc", Long.toString(pid), "cwd"));
        return cwd.equals(expected.toRealPath());
      } catch (IOException _) {
        return false; // gone, a zombie, or another user's
      }
    }
    return process
        .info()
        .startInstant()
        .filter(
            started -> Duration.between(started, startedAt).abs().compareTo(START_TOLERANCE) < 0)
        .isPresent();
  }
}
