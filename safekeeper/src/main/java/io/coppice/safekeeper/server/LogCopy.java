package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.TimelineStatus;
import io.coppice.safekeeper.client.WalDownload;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.RebuildPlan;
import io.coppice.safekeeper.consensus.WalStore;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies the log that a timeline is rebuilt with. It comes from the donor; what the donor cannot
 * give out, because it is damaged there, comes from another peer as far as that has the same log.
 */
final class LogCopy {
  private static final Logger log = LoggerFactory.getLogger(LogCopy.class);

  private final TenantTimelineId id;
  private final RebuildPlan plan;
  private final List<Source> sources = new ArrayList<>();
  private final WalStore wal;

  /** The log of a peer was cut while it was copied. */
  static final class LogWasCut extends Exception {
    private static final long serialVersionUID = 1;
  }

  private static final class Source {
    private final SafekeeperClient client;

    /** Up to where it has the log that is copied. */
    private final Lsn end;

    /** It must still have it up to here when all is copied. */
    private Lsn neededTo = Lsn.INVALID;

    Source(SafekeeperClient client, Lsn end) {
      this.client = client;
      this.end = end;
    }
  }

  /**
   * A copy that has not begun.
   *
   * @param answers of the peers that the plan was made with
   * @param wal where it goes
   */
  LogCopy(RebuildPlan plan, List<Peers.Answer> answers, WalStore wal) {
    this.id = plan.state().properties().id();
    this.plan = plan;
    this.wal = wal;
    for (Peers.Answer answer : answers) {
      RebuildPlan.Peer peer = peerOf(answer.status());
      Source source = new Source(answer.from(), plan.sharedEnd(peer));
      if (peer.node().equals(plan.donor().node())) {
        source.neededTo = plan.donor().flushLsn(); // its history is taken over as a whole
        sources.addFirst(source);
      } else {
        sources.addLast(source);
      }
    }
  }

  static RebuildPlan.Peer peerOf(TimelineStatus status) {
    return new RebuildPlan.Peer(status.node(), status.state(), status.flushLsn());
  }

  /**
   * Copies all of it.
   *
   * @throws LogWasCut if what was copied may be of more than one log
   */
  void run() throws StorageException, InterruptedException, DiskFailure, LogWasCut {
    Lsn end = plan.donor().flushLsn();
    StorageException failure = null;
    try {
      copyTo(end);
      wal.flush();
      if (!wal.flushLsn().equals(end)) {
        failure =
            new StorageException.Corrupt(
                "safekeeper %s said its log ends at %s; what was sent ends at %s"
                    .formatted(plan.donor().node(), end, wal.flushLsn()));
      }
    } catch (StorageException notCopied) {
      failure = notCopied; // of no interest if the log is another one now
    }
    for (Source source : sources) {
      if (source.neededTo.isValid()
          && plan.sharedEnd(peerOf(source.client.status(id))).isBefore(source.neededTo)) {
        throw new LogWasCut();
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private void copyTo(Lsn end) throws StorageException, InterruptedException, DiskFailure {
    Set<Source> stuck = new HashSet<>(); // those that do not go on from where the copy ends
    StorageException first = null;
    while (wal.writeLsn().isBefore(end)) {
      Lsn at = wal.writeLsn();
      Optional<Source> next =
          sources.stream().filter(s -> s.end.isAfter(at) && !stuck.contains(s)).findFirst();
      if (next.isEmpty()) {
        throw first != null
            ? first
            : new StorageException.Corrupt("no peer has the WAL at %s".formatted(at));
      }
      Source source = next.get();
      StorageException refused = null;
      try {
        download(source.client, source.end);
      } catch (StorageException failure) {
        refused = failure;
        log.warn(
            "timeline {}: safekeeper at {} does not give out WAL at {}: {}",
            id,
            source.client.address(),
            wal.writeLsn(),
            failure.getMessage());
      }
      if (wal.writeLsn().isAfter(at)) {
        source.neededTo = Lsn.max(source.neededTo, wal.writeLsn());
        stuck.clear();
        first = null;
      }
      stuck.add(source);
      first = first == null ? refused : first;
    }
  }

  private void download(SafekeeperClient from, Lsn end)
      throws StorageException, InterruptedException, DiskFailure {
    try (WalDownload download = from.downloadFlushed(id, wal.writeLsn(), end)) {
      for (Optional<StreamWalResponse> piece = download.next();
          piece.isPresent();
          piece = download.next()) {
        ByteBuffer data = piece.get().getData().asReadOnlyByteBuffer();
        Lsn begin = new Lsn(piece.get().getStartLsn());
        boolean isNext = begin.equals(wal.writeLsn()) && data.hasRemaining();
        if (!isNext || begin.plus(data.remaining()).isAfter(end)) {
          throw new StorageException.Corrupt(
              "%s sent %d bytes of WAL at %s; expected those from %s up to %s"
                  .formatted(from.address(), data.remaining(), begin, wal.writeLsn(), end));
        }
        wal.write(begin, data);
      }
    }
  }
}
