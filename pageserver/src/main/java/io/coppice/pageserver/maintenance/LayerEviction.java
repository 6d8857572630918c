package io.coppice.pageserver.maintenance;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.layer.LayerEnvironment;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.timeline.Timeline;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the disk a cache: deletes layer files that the object store has, those that were not read
 * for longest first, when there are too many bytes of them or they are too old. Readers that are
 * under way go on; who reads later waits for a download.
 */
public final class LayerEviction implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(LayerEviction.class);
  private static final long PERIOD_MILLIS = 5_000;

  /** So far below the limit it goes, so that it does not begin again at once: nine tenths. */
  private static final int KEPT_TENTHS = 9;

  /**
   * When layers go.
   *
   * @param sizeBytesMax of all layer files here; 0 for no limit
   * @param idleMillisMax since a layer was last read; 0 for no limit
   */
  public record Limits(long sizeBytesMax, long idleMillisMax) {
    public static final Limits NONE = new Limits(0, 0);

    public Limits {
      if (sizeBytesMax < 0 || idleMillisMax < 0) {
        throw new IllegalArgumentException(
            "size %d, time %d (0 or more can be)".formatted(sizeBytesMax, idleMillisMax));
      }
    }
  }

  private final Supplier<Collection<Timeline>> timelines;
  private final LayerEnvironment environment;
  private final Clock clock;
  private final Counter evictedForSize;
  private final Counter evictedForTime;
  private final Counter evictedBytes;
  private final ScheduledExecutorService executor =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("layer-eviction").daemon().factory());
  private volatile Limits limits;
  private volatile long residentSizeBytes;

  /**
   * Does nothing until it is started, or run.
   *
   * @param environment of the layers of these timelines
   */
  public LayerEviction(
      Supplier<Collection<Timeline>> timelines,
      LayerEnvironment environment,
      Limits limits,
      Clock clock,
      MeterRegistry registry) {
    this.timelines = timelines;
    this.environment = environment;
    this.limits = limits;
    this.clock = clock;
    evictedForSize = evictions(registry, "size");
    evictedForTime = evictions(registry, "time");
    evictedBytes =
        Counter.builder("coppice_pageserver_evicted_bytes")
            .description("Bytes of layer files that were evicted.")
            .register(registry);
    Gauge.builder("coppice_pageserver_cache_size_bytes", this, e -> e.residentSizeBytes)
        .description("Layer files on this machine, all branches together.")
        .strongReference(true)
        .register(registry);
    environment.setCoarseMillis(clock.monotonicMillis());
  }

  private static Counter evictions(MeterRegistry registry, String reason) {
    return Counter.builder("coppice_pageserver_evictions")
        .description("Layer files deleted from this machine, by what asked for it.")
        .tag("reason", reason)
        .register(registry);
  }

  /** Runs now and then from now on. */
  public void start() {
    var _ =
        executor.scheduleWithFixedDelay(
            this::runQuietly, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Other limits, from the next run on. */
  public void setLimits(Limits newLimits) {
    limits = newLimits;
  }

  private void runQuietly() {
    try {
      run();
    } catch (RuntimeException e) {
      log.error("eviction of layers failed", e);
    }
  }

  /** Evicts what is due. */
  public void run() {
    long nowMillis = clock.monotonicMillis();
    environment.setCoarseMillis(nowMillis);
    Limits now = limits;
    long residentBytes = 0;
    for (Timeline timeline : timelines.get()) {
      residentBytes += timeline.layerStatistics().residentSizeBytes();
    }
    boolean isFull = now.sizeBytesMax() > 0 && residentBytes > now.sizeBytesMax();
    if (isFull || now.idleMillisMax() > 0) {
      residentBytes -= evict(now, isFull ? residentBytes : 0, nowMillis);
    }
    residentSizeBytes = residentBytes;
  }

  private long evict(Limits now, long residentBytes, long nowMillis) {
    List<Candidate> candidates = candidates();
    long evicted = 0;
    long wanted = residentBytes - now.sizeBytesMax() / 10 * KEPT_TENTHS;
    try {
      for (Candidate candidate : candidates) {
        boolean isIdle =
            now.idleMillisMax() > 0 && nowMillis - candidate.usedAtMillis() > now.idleMillisMax();
        if (!isIdle && (residentBytes == 0 || evicted >= wanted)) {
          break; // All others were read later.
        }
        if (evict(candidate.layer())) {
          evicted += candidate.layer().descriptor().sizeBytes();
          (isIdle ? evictedForTime : evictedForSize).increment();
        }
      }
    } finally {
      candidates.forEach(candidate -> candidate.layer().release());
    }
    if (residentBytes > 0 && evicted < wanted) {
      log.warn(
          "layer files take {} bytes, more than {}; the rest is not in the object store yet",
          residentBytes - evicted,
          now.sizeBytesMax());
    }
    evictedBytes.increment((double) evicted);
    return evicted;
  }

  private static boolean evict(LayerHandle layer) {
    try {
      return layer.evict();
    } catch (StorageException e) {
      log.warn("layer {} was not evicted: {}", layer, e.getMessage());
      return false;
    }
  }

  /** A layer, and when it was read last, which does not change while they are sorted. */
  private record Candidate(LayerHandle layer, long usedAtMillis) {}

  private List<Candidate> candidates() {
    List<Candidate> candidates = new ArrayList<>();
    for (Timeline timeline : timelines.get()) {
      for (LayerHandle layer : timeline.acquireEvictable()) {
        candidates.add(new Candidate(layer, layer.usedAtMillis()));
      }
    }
    candidates.sort(Comparator.comparingLong(Candidate::usedAtMillis));
    return candidates;
  }

  @Override
  public void close() {
    executor.shutdownNow();
    try {
      // A file that is being deleted is; what layers are of must still be there.
      var _ = executor.awaitTermination(PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
