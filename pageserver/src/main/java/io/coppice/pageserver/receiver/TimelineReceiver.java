package io.coppice.pageserver.receiver;

import com.google.protobuf.ByteString;
import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.ingest.RelationListener;
import io.coppice.pageserver.ingest.WalIngest;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.proto.v1.PageserverFeedback;
import io.coppice.proto.v1.StreamWalResponse;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Streams the WAL of one timeline into ingest, on a thread of its own, until all that is committed
 * has been here for a while. Changes to another safekeeper when the present one fails or stalls.
 */
final class TimelineReceiver implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(TimelineReceiver.class);

  /** Fed to the decoder at once: what stays in the processor's cache until it is decoded. */
  private static final int FED_BYTES_MAX = 64 * 1024;

  private static final long POLL_MILLIS = 200;

  /** What the world is told when the thread ends. */
  interface Listener {
    /**
     * It ended.
     *
     * @param failure null unless WAL of this timeline can never be taken in
     */
    void ended(TimelineReceiver receiver, @Nullable StorageException failure);
  }

  private final Timeline timeline;
  private final RelationListener relationListener;
  private final List<SafekeeperLink> safekeepers;
  private final ReceiverConfig config;
  private final Clock clock;
  private final IngestMetrics metrics;
  private final Listener listener;
  private final WalRecord record = new WalRecord();

  /** Safekeepers whose WAL was found damaged at the present position. */
  private final Set<SafekeeperLink> damaged = new HashSet<>();

  private final Semaphore news = new Semaphore(0);
  private volatile boolean stopping;
  private PageserverFeedback lastReport = PageserverFeedback.getDefaultInstance();
  private long lastReportMillis;

  TimelineReceiver(
      Timeline timeline,
      RelationListener relationListener,
      List<SafekeeperLink> safekeepers,
      ReceiverConfig config,
      Clock clock,
      IngestMetrics metrics,
      Listener listener) {
    this.timeline = timeline;
    this.relationListener = relationListener;
    this.safekeepers = safekeepers;
    this.config = config;
    this.clock = clock;
    this.metrics = metrics;
    this.listener = listener;
  }

  Timeline timeline() {
    return timeline;
  }

  /** Has the thread end soon; the caller interrupts it too. */
  void stop() {
    stopping = true;
  }

  @Override
  public void run() {
    StorageException failure = null;
    try {
      follow();
    } catch (StorageException.Transient e) {
      log.warn("{}: WAL is not taken in for now: {}", timeline.id(), e.getMessage());
      pause();
    } catch (StorageException e) {
      failure = e;
      log.error(
          "{}: replay of WAL stopped at {}: {}",
          timeline.id(),
          timeline.lastRecordLsn(),
          e.getMessage());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Invariant.Violation e) {
      failure = new StorageException.Corrupt("replay of WAL failed: " + e, e);
      log.error("{}: replay of WAL failed", timeline.id(), e);
    } finally {
      listener.ended(this, failure);
    }
  }

  private void follow() throws StorageException, InterruptedException {
    WalIngest ingest = WalIngest.open(timeline, relationListener);
    long idleSince = clock.monotonicMillis();
    while (!stopping) {
      Optional<SafekeeperLink> source = choose();
      if (source.isPresent() && stream(source.get(), ingest)) {
        idleSince = clock.monotonicMillis();
        continue;
      }
      if (clock.monotonicMillis() - idleSince > config.idleMillis()) {
        return;
      }
      awaitNews();
    }
  }

  private void awaitNews() throws InterruptedException {
    if (!stopping && news.tryAcquire(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
      news.drainPermits();
    }
  }

  /** Keeps a failure that may pass from being met again and again without a rest. */
  private void pause() {
    try {
      long until = clock.monotonicMillis() + config.retryMillisMax() / 10;
      while (!stopping && clock.monotonicMillis() < until) {
        awaitNews();
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** There is news of a safekeeper. */
  void wake() {
    news.release();
  }

  /** The safekeeper with most WAL among those that have some that is not here. */
  private Optional<SafekeeperLink> choose() throws StorageException.Corrupt {
    SafekeeperLink best = null;
    boolean anyDamaged = false;
    Lsn here = timeline.lastRecordLsn();
    Lsn most = here;
    for (SafekeeperLink link : safekeepers) {
      Lsn committed = link.committed(timeline.id());
      if (damaged.contains(link)) {
        anyDamaged |= SafekeeperLink.isAhead(committed, here);
      } else if (link.isUsable() && SafekeeperLink.isAhead(committed, most)) {
        best = link;
        most = committed;
      }
    }
    if (best == null && anyDamaged && damaged.size() == safekeepers.size()) {
      throw new StorageException.Corrupt(
          "the WAL after %s is damaged on every safekeeper".formatted(here));
    }
    return Optional.ofNullable(best);
  }

  /**
   * Streams from one safekeeper until it fails, stalls, or all is here for the idle time.
   *
   * @return whether any WAL came
   */
  private boolean stream(SafekeeperLink source, WalIngest ingest)
      throws StorageException, InterruptedException {
    Lsn start = timeline.lastRecordLsn();
    WalDecoder decoder =
        new WalDecoder(
            PostgresVersion.ofMajor(timeline.pgMajor()), timeline.walSegmentSizeBytes(), start);
    decoder.expectSystemId(timeline.systemId());
    boolean progress = false;
    long quietSince = clock.monotonicMillis();
    log.info("{}: WAL from {} on, from safekeeper {}", timeline.id(), start, source.address());
    try (WalStream stream = WalStream.open(source.channel(), timeline.id(), start)) {
      while (!stopping) {
        WalStream.Event event = stream.poll(POLL_MILLIS);
        switch (event) {
          case null -> {
            if (isOver(source, clock.monotonicMillis() - quietSince)) {
              return progress;
            }
          }
          case WalStream.Event.Ended(var status) -> {
            source.failed();
            log.info("{}: safekeeper {} ended: {}", timeline.id(), source.address(), status);
            return progress;
          }
          case WalStream.Event.Data(var response) -> {
            source.sawCommitted(timeline.id(), new Lsn(response.getCommitLsn()));
            if (!take(source, decoder, ingest, response)) {
              return progress;
            }
            stream.taken();
            if (!response.getData().isEmpty()) {
              source.worked();
              progress = true;
              quietSince = clock.monotonicMillis();
            }
          }
        }
        report(stream);
      }
    }
    return progress;
  }

  /** Whether to leave a safekeeper that has been quiet for so long. */
  private boolean isOver(SafekeeperLink source, long quietMillis) {
    Lsn here = timeline.lastRecordLsn();
    boolean hasMore = SafekeeperLink.isAhead(source.committed(timeline.id()), here);
    if (hasMore && quietMillis > config.stallMillis()) {
      log.info("{}: safekeeper {} stalls at {}", timeline.id(), source.address(), here);
      source.failed();
      return true;
    }
    if (!hasMore) {
      for (SafekeeperLink other : safekeepers) {
        if (other.isUsable() && SafekeeperLink.isAhead(other.committed(timeline.id()), here)) {
          return quietMillis > config.stallMillis() / 10;
        }
      }
    }
    return !hasMore && quietMillis > config.idleMillis();
  }

  /** Feeds a message to the decoder and its records to ingest; false to leave this safekeeper. */
  private boolean take(
      SafekeeperLink source, WalDecoder decoder, WalIngest ingest, StreamWalResponse response)
      throws StorageException {
    ByteString data = response.getData();
    if (data.isEmpty()) {
      return true;
    }
    if (response.getStartLsn() != decoder.fedUpTo().value()) {
      log.warn(
          "{}: safekeeper {} sent WAL of {} where {} was next",
          timeline.id(),
          source.address(),
          new Lsn(response.getStartLsn()),
          decoder.fedUpTo());
      source.failed();
      return false;
    }
    int recordCount = 0;
    ByteBuffer left = data.asReadOnlyByteBuffer();
    while (left.hasRemaining()) {
      int count = Math.min(FED_BYTES_MAX, left.remaining());
      decoder.feed(left.slice(left.position(), count));
      left.position(left.position() + count);
      recordCount += ingestDecoded(source, decoder, ingest);
      if (damaged.contains(source)) {
        return false;
      }
    }
    metrics.took(data.size(), recordCount);
    return true;
  }

  /** Ingests the records that are whole, and publishes them together; returns how many. */
  private int ingestDecoded(SafekeeperLink source, WalDecoder decoder, WalIngest ingest)
      throws StorageException {
    int count = 0;
    try {
      while (next(source, decoder)) {
        ingest.ingest(record);
        count++;
        damaged.clear();
      }
    } finally {
      ingest.publish();
    }
    return count;
  }

  /** The next whole record; damage is held against the safekeeper, for others may have it whole. */
  private boolean next(SafekeeperLink source, WalDecoder decoder) throws StorageException {
    try {
      return decoder.next(record);
    } catch (StorageException.Corrupt e) {
      log.error(
          "{}: damaged WAL from safekeeper {}: {}",
          timeline.id(),
          source.address(),
          e.getMessage());
      damaged.add(source);
      source.failed();
      return false;
    }
  }

  private void report(WalStream stream) {
    long now = clock.monotonicMillis();
    if (now - lastReportMillis < config.feedbackMillis()) {
      return;
    }
    lastReportMillis = now;
    PageserverFeedback report =
        PageserverFeedback.newBuilder()
            .setLastRecordLsn(timeline.lastRecordLsn().value())
            .setDiskConsistentLsn(timeline.diskConsistentLsn().value())
            .setRemoteConsistentLsn(timeline.remoteConsistentLsn().value())
            .build();
    if (!report.equals(lastReport)) {
      stream.report(report);
      lastReport = report;
    }
  }
}
