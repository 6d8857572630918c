package io.coppice.safekeeper.sim;

import io.coppice.common.platform.DurableFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;

/**
 * A run that takes hours, slice by slice, and goes on where it was stopped: a journal says which
 * seeds are done and what was seen. It is one run only if all of it was of the same classes, so the
 * journal names them by a hash, and others are refused.
 */
final class LongRun {
  private static final String SEEN = "seen.";

  private final Path journal;
  private final long end;
  private final long sliceSize;
  private final long kindsMask;
  private final int threads;
  private final Properties kept = new Properties();
  private final Coverage coverage = new Coverage();
  private long next;
  private double seconds;

  /**
   * Begins, or reads where to go on.
   *
   * @param codeHash of all classes that are simulated, or simulate
   * @throws IllegalArgumentException if the journal is of another run
   */
  LongRun(
      Path journal,
      String codeHash,
      long first,
      long tries,
      long sliceSize,
      long kindsMask,
      int threads)
      throws IOException {
    this.journal = journal;
    this.end = first + tries;
    this.sliceSize = sliceSize;
    this.kindsMask = kindsMask;
    this.threads = threads;
    this.next = first;
    read();
    keep("classes", codeHash);
    keep("first", Long.toString(first));
    keep("tries", Long.toString(tries));
    keep("faults", Long.toHexString(kindsMask));
  }

  private void read() throws IOException {
    try (InputStream in = Files.newInputStream(journal)) {
      kept.load(in);
    } catch (NoSuchFileException _) {
      return;
    }
    next = Long.parseLong(known("next"));
    seconds = Double.parseDouble(known("seconds"));
    for (String name : kept.stringPropertyNames()) {
      if (name.startsWith(SEEN)) {
        coverage.add(name.substring(SEEN.length()), Long.parseLong(known(name)));
      }
    }
  }

  private String known(String name) {
    String value = kept.getProperty(name);
    if (value == null) {
      throw new IllegalArgumentException("%s is no journal: it has no %s".formatted(journal, name));
    }
    return value;
  }

  private void keep(String name, String value) {
    Object before = kept.putIfAbsent(name, value);
    if (before != null && !before.equals(value)) {
      throw new IllegalArgumentException(
          "%s is the journal of a run with %s %s, this one has %s"
              .formatted(journal, name, before, value));
    }
  }

  boolean isDone() {
    return next >= end;
  }

  /** So many schedules are done. */
  long done() {
    return coverage.schedules();
  }

  /**
   * Runs the next seeds. If all is well with them, they are done for good.
   *
   * @return those that went wrong
   */
  List<Simulation.Outcome> runSlice() throws InterruptedException, IOException {
    long count = Math.min(sliceSize, end - next);
    Batch batch = new Batch(next, count, kindsMask, threads);
    batch.run();
    if (batch.failed().isEmpty()) {
      next += count;
      seconds += batch.seconds();
      coverage.add(batch.coverage());
      write();
    }
    return batch.failed();
  }

  private void write() throws IOException {
    kept.setProperty("next", Long.toString(next));
    kept.setProperty("seconds", Double.toString(seconds));
    coverage.forEach((name, count) -> kept.setProperty(SEEN + name, Long.toString(count)));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    kept.store(out, "what a long run of the simulation has done");
    DurableFiles.replace(journal, out.toByteArray());
  }

  Coverage coverage() {
    return coverage;
  }

  double schedulesPerSecond() {
    return done() / seconds;
  }
}
