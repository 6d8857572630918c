package io.coppice.common.objectstore.s3;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.objectstore.S3Access;
import io.coppice.common.platform.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * Tries an S3 server, one thing after the other, and tells what it can do and how long it takes.
 */
public final class S3Doctor {
  private static final String CONTENT = "coppice doctor";
  private static final int NANOS_PER_MICRO = 1_000;

  private final S3Objects objects;
  private final S3Probe probe;
  private final Clock clock;
  private final List<Finding> findings = new ArrayList<>();

  /**
   * One thing that was tried.
   *
   * @param failure why it does not work, if it does not
   */
  public record Finding(String check, long latencyMicros, Optional<StorageException> failure) {}

  /** Something to try; false if the server answers and did not do it. */
  @FunctionalInterface
  private interface Trial {
    boolean works() throws StorageException;
  }

  private S3Doctor(S3Objects objects, S3Access access, Clock clock) {
    this.objects = objects;
    this.probe = new S3Probe(objects, access);
    this.clock = clock;
  }

  /**
   * What works and what does not. All objects that it makes are deleted again.
   *
   * @throws StorageException if there are no keys
   */
  public static List<Finding> examine(
      ObjectStoreUrl.Bucket bucket, S3Access access, RandomGenerator random, Clock clock)
      throws StorageException {
    try (S3Objects objects = S3Objects.open(bucket, access, random)) {
      S3Doctor doctor = new S3Doctor(objects, access, clock);
      doctor.examine();
      return doctor.findings;
    }
  }

  private void examine() {
    // By itself, since a first request takes longer; a listing, since its failure says why.
    if (!attempt("connect", () -> !isListed())
        || !attempt("write", () -> probe.writesIfAbsent(CONTENT))) {
      return; // The rest would fail for the same reason.
    }
    attempt("read, with the checksum in its metadata", () -> probe.keepsContent(CONTENT));
    attempt("conditional write (If-None-Match)", () -> !probe.writesIfAbsent(CONTENT));
    attempt("list, with what was just written", this::isListed);
    attempt("delete", this::deletes);
  }

  private boolean isListed() throws StorageException {
    return objects.list(probe.name()).stream().map(ObjectInfo::name).anyMatch(probe.name()::equals);
  }

  private boolean deletes() throws StorageException {
    objects.delete(probe.name());
    return objects.head(probe.name()).isEmpty();
  }

  private boolean attempt(String check, Trial trial) {
    long start = clock.monotonicNanos();
    Optional<StorageException> failure;
    try {
      failure =
          trial.works() ? Optional.empty() : Optional.of(probe.lacks("does not do: " + check));
    } catch (StorageException e) {
      failure = Optional.of(e);
    }
    long micros = (clock.monotonicNanos() - start) / NANOS_PER_MICRO;
    findings.add(new Finding(check, micros, failure));
    return failure.isEmpty();
  }
}
