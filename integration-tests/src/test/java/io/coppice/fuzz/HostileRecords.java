package io.coppice.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.verify.RecordType;
import io.coppice.postgres.verify.RedoObserver;
import io.coppice.postgres.wal.WalRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Samples of real WAL, for each kind of record and each of its blocks a few with the page before
 * it; and what becomes of redo when they are damaged.
 */
public final class HostileRecords implements RedoObserver {
  private static final int SAMPLES_MAX = 3;
  private static final int HEADER_BYTES_KEPT = 1;
  private static final long ALLOCATED_BYTES_MAX = 64L << 20;
  private static final long NANOS_MAX = 5_000_000_000L;

  private record Sample(RecordType type, int blockId) {}

  private final Map<String, List<byte[]>> samples = new TreeMap<>();

  @Override
  public void before(WalRecord record, int blockId, byte[] page) {
    String name = new Sample(RecordType.of(record), blockId).toString();
    List<byte[]> known = samples.computeIfAbsent(name, _ -> new ArrayList<>());
    if (known.size() < SAMPLES_MAX) {
      known.add(RedoTarget.seed(record, page));
    }
  }

  /** Writes the samples as seeds for Jazzer. */
  public void write(Path directory) throws IOException {
    Path redo = Files.createDirectories(directory.resolve("RedoTarget"));
    Path images = Files.createDirectories(directory.resolve("ImageTarget"));
    int number = 0;
    for (List<byte[]> seeds : samples.values()) {
      for (byte[] seed : seeds) {
        Files.write(redo.resolve("seed-%05d-%d".formatted(number++, seed[0])), seed);
      }
    }
    Files.write(images.resolve("seed"), new byte[] {1, 0, 0, 0, 0, 1, 2, 3});
  }

  /** Number of kinds of records and blocks. */
  public int size() {
    return samples.size();
  }

  /** Applies damaged copies of each sample; only refusals are right, within time and memory. */
  public void attack(long seed, int triesEach) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    samples.forEach((name, seeds) -> {
      for (int i = 0; i < triesEach; i++) {
        byte[] sample = seeds.get(i % seeds.size());
        // Half of the time only the record is damaged, so that more of it is looked at.
        int from = random.nextBoolean() ? HEADER_BYTES_KEPT : HEADER_BYTES_KEPT + Page.SIZE_BYTES;
        byte[] damaged = Mutations.mutate(sample, from, random);
        attack(threads, name, damaged);
      }
    });
  }

  /** The input, in a file: too long to be printed. */
  private static Path keep(byte[] damaged) {
    try {
      Path directory = Files.createDirectories(Path.of("target", "hostile"));
      return Files.write(Files.createTempFile(directory, "RedoTarget-", ""), damaged);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void attack(ThreadMXBean threads, String name, byte[] damaged) {
    long allocatedBefore = threads.getCurrentThreadAllocatedBytes();
    long nanosBefore = threads.getCurrentThreadCpuTime();
    try {
      RedoTarget.fuzzerTestOneInput(damaged.clone());
    } catch (RuntimeException | Error e) {
      throw new AssertionError("%s, damaged, is in %s".formatted(name, keep(damaged)), e);
    }
    assertThat(threads.getCurrentThreadAllocatedBytes() - allocatedBefore)
        .as("bytes allocated for %s", name)
        .isLessThan(ALLOCATED_BYTES_MAX);
    assertThat(threads.getCurrentThreadCpuTime() - nanosBefore)
        .as("nanoseconds for %s", name)
        .isLessThan(NANOS_MAX);
  }
}
