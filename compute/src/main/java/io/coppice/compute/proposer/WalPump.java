package io.coppice.compute.proposer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.safekeeper.client.RequestCodec;
import io.coppice.safekeeper.consensus.Proposer;
import io.coppice.safekeeper.consensus.Request;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends each safekeeper the WAL that it lacks, as far as it has room (gRPC says when, and the
 * safekeeper asks for a limited number of messages): from memory, or, if what it needs has left
 * memory, from another safekeeper. A slow one holds up nobody. Guarded by the quorum's lock.
 */
final class WalPump implements DonorFeed.Owner {
  private static final Logger log = LoggerFactory.getLogger(WalPump.class);
  private static final long DONOR_RETRY_MILLIS = 200;
  private static final int UNANSWERED_MAX = 2;
  private static final int PENDING_BYTES_MAX = 64 * 1024;

  private final TenantTimelineId timeline;
  private final Proposer proposer;
  private final List<SafekeeperLink> links;
  private final Turns turns;

  /** From the moment of being elected. */
  private @Nullable RecentWal recent;

  private @Nullable Shared shared;

  WalPump(TenantTimelineId timeline, Proposer proposer, List<SafekeeperLink> links, Turns turns) {
    this.timeline = timeline;
    this.proposer = proposer;
    this.links = links;
    this.turns = turns;
  }

  /** The log that is led ends there; if it is the one that was led before, memory has its end. */
  void lead(Lsn end, int sizeBytesMax) {
    RecentWal before = recent;
    if (before == null || !before.end().equals(end)) {
      recent = new RecentWal(end, sizeBytesMax);
    }
  }

  RecentWal recent() {
    RecentWal wal = recent;
    if (wal == null) {
      throw new IllegalStateException("not elected");
    }
    return wal;
  }

  void pumpAll() {
    links.forEach(this::pump);
  }

  /** Sends that safekeeper what it lacks, as far as there is room. */
  void pump(SafekeeperLink link) {
    RecentWal wal = recent;
    while (wal != null && link.isReady()) {
      Optional<Lsn> next = proposer.nextLsn(link.member());
      if (next.isEmpty()) {
        return;
      }
      Lsn from = next.get();
      if (from.isBefore(wal.begin())) {
        if (!pumpFromDonor(link, from)) {
          return;
        }
        continue;
      }
      link.stopFeed();
      if (!wal.end().isAfter(from) || isWorthAwaitingMore(link, wal.end().minus(from))) {
        return;
      }
      sendRecent(link, wal.read(from, Request.Append.DATA_SIZE_BYTES_MAX));
    }
  }

  /**
   * A safekeeper that has one request to sync and one to sync next gains nothing by a third: what
   * comes meanwhile goes in one request, with the next answer. Each commit alone would be one else.
   */
  private boolean isWorthAwaitingMore(SafekeeperLink link, long pendingBytes) {
    return pendingBytes < PENDING_BYTES_MAX
        && link.unanswered(proposer.durableLsn(link.member())) >= UNANSWERED_MAX;
  }

  private void sendRecent(SafekeeperLink link, ByteBuffer data) {
    Request.Append append = proposer.append(link.member(), data);
    Shared same = shared;
    if (same == null || !same.serves(append)) {
      same = new Shared(append, RequestCodec.toProto(append));
      shared = same;
    }
    link.setCommitSent(same.append().commitLsn());
    link.sentUpTo(append.begin().plus(data.remaining()));
    link.send(same.message());
  }

  /** The newest request with recent WAL, encoded once for all that want the same. */
  private record Shared(Request.Append append, ProposerMessage message) {
    boolean serves(Request.Append other) {
      return append.generation() == other.generation()
          && append.term() == other.term()
          && append.begin().equals(other.begin())
          && append.data().remaining() == other.data().remaining();
    }
  }

  /** Whether a piece was sent on. */
  private boolean pumpFromDonor(SafekeeperLink link, Lsn from) {
    DonorFeed feed = link.feed();
    if (feed == null) {
      OptionalInt donor = proposer.donor(from);
      if (donor.isPresent()) {
        SafekeeperLink source = links.get(donor.getAsInt());
        log.info("safekeeper {} is fed from {} at {}", link.address(), source.address(), from);
        link.setFeed(DonorFeed.start(source, link, timeline, from, proposer.term(), this));
      }
      return false;
    }
    StreamWalResponse piece = feed.poll();
    if (piece == null) {
      return false;
    }
    if (piece.getStartLsn() != from.value()) {
      link.stopFeed();
      return true;
    }
    sendAppend(link, piece.getData().asReadOnlyByteBuffer());
    return true;
  }

  /** Sends data that begins where that safekeeper's next WAL does, or only news of positions. */
  void sendAppend(SafekeeperLink link, ByteBuffer data) {
    Request.Append append = proposer.append(link.member(), data);
    link.setCommitSent(append.commitLsn());
    link.send(RequestCodec.toProto(append));
  }

  @Override
  public void fed(SafekeeperLink to, DonorFeed feed, StreamWalResponse piece) {
    turns.now(() -> {
      if (to.feed() == feed) {
        feed.add(piece);
        pump(to);
      }
    });
  }

  @Override
  public void starved(SafekeeperLink to, DonorFeed feed, StorageException reason) {
    turns.now(() -> {
      if (to.feed() == feed) {
        log.info("feed of safekeeper {}: {}", to.address(), reason.getMessage());
        to.stopFeed();
        turns.later(DONOR_RETRY_MILLIS, () -> pump(to));
      }
    });
  }
}
