package io.coppice.compute.proposer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.replication.ReplicationClient;
import io.coppice.compute.replication.ReplicationSettings;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one writer of a timeline's WAL, as long as no newer one is elected. Thread safe.
 *
 * <p>Threads: one reads from Postgres and sends to the safekeepers; answers of all of them come on
 * another, which also tells Postgres what is committed, with no hop in between.
 */
public final class WalProposer implements AutoCloseable {
  /** What {@code synchronous_standby_names} of the compute must name. */
  public static final String APPLICATION_NAME = "coppice";

  /** The replication slot that keeps WAL which no quorum has yet. */
  public static final String SLOT_NAME = "coppice";

  private static final Logger log = LoggerFactory.getLogger(WalProposer.class);
  private static final long CONNECT_RETRY_MILLIS = 100;

  private final ProposerConfig config;
  private final Quorum quorum;
  private final CompletableFuture<StopReason> stopped = new CompletableFuture<>();
  private final CountDownLatch ending = new CountDownLatch(1);

  private final Object stateLock = new Object();
  private ProposerState state = ProposerState.ELECTED;
  private Quorum.@Nullable Mandate mandate;
  private @Nullable Thread reader;

  private volatile @Nullable ReplicationClient client;
  private volatile Lsn serverEnd = Lsn.INVALID;

  private WalProposer(ProposerConfig config) {
    this.config = config;
    this.quorum =
        new Quorum(
            config,
            new Quorum.Listener() {
              @Override
              public void committed(Lsn commitLsn) {
                ReplicationClient attached = client;
                if (attached != null) {
                  attached.acknowledge(commitLsn);
                }
              }

              @Override
              public void fenced(long byTerm) {
                stop(new StopReason.Fenced(byTerm));
              }

              @Override
              public void refused(StorageException.Precondition reason) {
                stop(new StopReason.Refused(String.valueOf(reason.getMessage())));
              }
            });
  }

  /**
   * Becomes the timeline's only writer: greets the safekeepers, is elected by a quorum in a new
   * term (which fences every older proposer), and brings a quorum to the agreed start LSN, which is
   * committed when this returns.
   *
   * @throws StorageException.Transient if no quorum could be had within the election timeout
   * @throws StorageException.Fenced if a newer proposer was elected meanwhile
   * @throws StorageException.Precondition if safekeepers and configuration do not fit each other
   */
  public static WalProposer elect(ProposerConfig config)
      throws StorageException, InterruptedException {
    WalProposer proposer = new WalProposer(config);
    boolean elected = false;
    try {
      Quorum.Mandate mandate = proposer.quorum.elect();
      synchronized (proposer.stateLock) {
        proposer.mandate = mandate;
      }
      elected = true;
      return proposer;
    } finally {
      if (!elected) {
        proposer.close();
      }
    }
  }

  /**
   * To be called once elected, before anything is committed: from now on a safekeeper that does not
   * have the timeline has lost it, and must not begin it anew.
   */
  public void stopCreating() throws InterruptedException {
    quorum.stopCreating();
  }

  /** Where this proposer's own WAL begins: a record boundary, committed. */
  public Lsn startLsn() {
    return mandate().startLsn();
  }

  /** The term this proposer was elected in. */
  public long term() {
    return mandate().term();
  }

  private Quorum.Mandate mandate() {
    synchronized (stateLock) {
      Quorum.Mandate given = mandate;
      if (given == null) {
        throw new IllegalStateException("not elected");
      }
      return given;
    }
  }

  /**
   * Attaches to a Postgres that was started from a backup at {@link #startLsn}, and streams from
   * there. Returns at once; connecting is tried again until it works or the proposer ends.
   *
   * @throws IllegalStateException if it was started before
   */
  public void start(HostPort postgres, String user) {
    ReplicationSettings settings =
        new ReplicationSettings(
            postgres,
            user,
            APPLICATION_NAME,
            SLOT_NAME,
            config.systemId(),
            startLsn(),
            config.clock());
    synchronized (stateLock) {
      if (reader != null) {
        throw new IllegalStateException("started before");
      }
      reader =
          Thread.ofPlatform()
              .daemon()
              .name("proposer-" + config.timeline().timeline())
              .start(() -> run(settings));
    }
  }

  private void run(ReplicationSettings settings) {
    try {
      ReplicationClient attached = attach(settings);
      if (attached == null) {
        return;
      }
      String reason =
          attached.stream((begin, bytes, end) -> {
            serverEnd = end;
            quorum.extend(begin, bytes);
          });
      stop(new StopReason.PostgresGone(reason));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      stop(new StopReason.Closed());
    } catch (StorageException | RuntimeException | Error failure) {
      log.error("proposer of {}: {}", config.timeline(), failure.toString(), failure);
      stop(new StopReason.Failed(failure));
    }
  }

  /** Connects, however long it takes; null if the proposer ended meanwhile. */
  private @Nullable ReplicationClient attach(ReplicationSettings settings)
      throws StorageException, InterruptedException {
    while (true) {
      try {
        ReplicationClient connected = ReplicationClient.connect(settings);
        synchronized (stateLock) {
          if (state != ProposerState.ELECTED) {
            connected.close();
            return null;
          }
          state = ProposerState.STREAMING;
          client = connected;
        }
        connected.acknowledge(quorum.commitLsn());
        log.info("timeline {}: streams from {}", config.timeline(), settings.postgres());
        return connected;
      } catch (StorageException.Transient notYet) {
        log.debug("timeline {}: {}", config.timeline(), notYet.getMessage());
        if (ending.await(CONNECT_RETRY_MILLIS, TimeUnit.MILLISECONDS)) {
          return null;
        }
      }
    }
  }

  /** All WAL below this is on a quorum. */
  public Lsn commitLsn() {
    return quorum.commitLsn();
  }

  /** All WAL below this has come from Postgres. */
  public Lsn receivedLsn() {
    return quorum.endLsn();
  }

  /**
   * Bytes that are durable in Postgres's own data directory, as far as it told, and not on a
   * quorum: what the loss of the compute would lose. None of it was acknowledged to a client that
   * waited.
   */
  public long gapBytes() {
    Lsn end = Lsn.max(serverEnd, quorum.endLsn());
    return Math.max(0, end.minus(quorum.commitLsn()));
  }

  /** How many safekeepers take what is sent to them into their log. */
  public int connectedCount() {
    return quorum.connectedCount();
  }

  /** Has something told, now and then, how long WAL waited for a quorum, in nanoseconds. */
  public void onQuorumWait(LongConsumer listener) {
    quorum.waits().listen(listener);
  }

  public ProposerState state() {
    synchronized (stateLock) {
      return state;
    }
  }

  /** Completes, normally, once this proposer has ended. */
  public CompletableFuture<StopReason> stopped() {
    return stopped;
  }

  private void stop(StopReason reason) {
    ProposerState next =
        reason instanceof StopReason.Fenced ? ProposerState.FENCED : ProposerState.STOPPED;
    ProposerState before;
    synchronized (stateLock) {
      before = state;
      if (before == ProposerState.FENCED || before == ProposerState.STOPPED) {
        return;
      }
      state = next;
    }
    log.info("timeline {}: proposer {} -> {}: {}", config.timeline(), before, next, reason);
    ending.countDown();
    ReplicationClient attached = client;
    if (attached != null) {
      attached.close();
    }
    quorum.close();
    stopped.completeAsync(() -> reason);
  }

  /** Ends it; safe to call again. */
  @Override
  public void close() {
    stop(new StopReason.Closed());
  }
}
