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

  private final TenantTimelineId timeline;
  private final Proposer proposer;
  private final List<SafekeeperLink> links;
  private final Turns turns;

  /** From the moment of being elected. */
  private @Nullable RecentWal recent;

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
      Optional<RecentWal.Chunk> chunk = wal.at(from);
      if (chunk.isEmpty()) {
        return;
      }
      sendChunk(link, from, chunk.get());
    }
  }

  private void sendChunk(SafekeeperLink link, Lsn from, RecentWal.Chunk chunk) {
    int offset = (int) from.minus(chunk.begin());
    ByteBuffer data = ByteBuffer.wrap(chunk.bytes(), offset, chunk.bytes().length - offset);
    Request.Append append = proposer.append(link.member(), data);
    ProposerMessage shared = chunk.encoded();
    if (offset == 0 && shared != null && shared.getAppend().getTerm() == append.term()) {
      link.setCommitSent(new Lsn(shared.getAppend().getCommitLsn()));
      link.send(shared);
      return;
    }
    ProposerMessage message = RequestCodec.toProto(append);
    if (offset == 0) {
      chunk.encodedAs(message);
    }
    link.setCommitSent(append.commitLsn());
    link.send(message);
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
