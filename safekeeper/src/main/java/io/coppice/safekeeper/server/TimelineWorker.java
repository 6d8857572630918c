package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.safekeeper.consensus.Acceptor;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.wal.TimelineStorage;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Owns one timeline's acceptor. Messages queue up; whenever some are there, one thread takes all of
 * them, then syncs once and answers. An idle timeline has no thread; one that has a little to do at
 * a time may have that of the event loop ({@link WorkerThreads}).
 *
 * <p>The queue is bounded by its senders: each conversation has a limited number of messages
 * outstanding ({@link ProposeSession}).
 */
final class TimelineWorker {
  private static final Logger log = LoggerFactory.getLogger(TimelineWorker.class);

  /** A sync comes after so many messages even if more are waiting: 4 MiB at most. */
  private static final int BATCH_MESSAGES_MAX = 32;

  /**
   * After a turn with more WAL than this the next one is not on the event loop, which can take in
   * messages meanwhile.
   */
  private static final int SHORT_TURN_BYTES_MAX = 64 * 1024;

  /** Something to be done by whoever owns the acceptor. */
  private interface AcceptorCall {
    void run(Acceptor acceptor) throws StorageException, DiskFailure;
  }

  private sealed interface Task {
    record Message(ProposeSession from, Request request) implements Task {}

    record Left(ProposeSession session) implements Task {}

    record PersistPositions() implements Task {}

    record Call(AcceptorCall call, CompletableFuture<TimelineSnapshot> done) implements Task {}

    record Close(CompletableFuture<Void> closed) implements Task {}
  }

  private final TenantTimelineId id;
  private final TimelineStorage storage;
  private final Acceptor acceptor;
  private final WorkerThreads threads;
  private final Consumer<TimelineSnapshot> onChange;
  private final Consumer<Throwable> onFatal;
  private final SafekeeperMetrics metrics;

  private final ConcurrentLinkedQueue<Task> inbox = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean scheduled = new AtomicBoolean();

  /** Bytes of WAL that the turn before this one took; written by whoever has the inbox. */
  private volatile int turnBytes;

  private final Set<Runnable> positionListeners = ConcurrentHashMap.newKeySet();

  private volatile TimelineSnapshot snapshot;

  /** As of the last request to write it down; used by the scheduler only. */
  private Lsn persistedCommitLsn;

  // What follows is touched only by the thread that has the inbox.
  private final Set<ProposeSession> sessions = ConcurrentHashMap.newKeySet();
  private @Nullable ProposeSession appender;
  private long announcedTerm;
  private int announcedGeneration;
  private boolean closed;

  TimelineWorker(
      NodeId node,
      TimelineStorage storage,
      WorkerThreads threads,
      Consumer<TimelineSnapshot> onChange,
      Consumer<Throwable> onFatal,
      SafekeeperMetrics metrics)
      throws StorageException.Corrupt {
    this.id = storage.stored().properties().id();
    this.storage = storage;
    this.threads = threads;
    this.onChange = onChange;
    this.onFatal = onFatal;
    this.metrics = metrics;
    this.acceptor = new Acceptor(node, storage.stored(), storage.stateStore(), storage.wal());
    this.announcedTerm = acceptor.term();
    this.announcedGeneration = acceptor.state().generation();
    this.snapshot = new TimelineSnapshot(acceptor.state(), acceptor.flushLsn());
    this.persistedCommitLsn = acceptor.commitLsn();
  }

  TimelineSnapshot snapshot() {
    return snapshot;
  }

  /** Whether WAL read before this call is of the log of that term's proposer. */
  boolean isFollowing(long term) {
    return acceptor.isFollowing(term);
  }

  /**
   * Whether a proposer of the newest term, elected or not, has a conversation open here; any
   * thread.
   */
  boolean hasProposer() {
    long newest = snapshot.state().term();
    return sessions.stream()
        .anyMatch(session -> !session.hasEnded() && session.term() > 0 && session.term() == newest);
  }

  TimelineStorage storage() {
    return storage;
  }

  /** Has {@code listener} run, by the owner, whenever positions or the term change. */
  void listen(Runnable listener) {
    positionListeners.add(listener);
  }

  void unlisten(Runnable listener) {
    positionListeners.remove(listener);
  }

  void submit(ProposeSession from, Request request) {
    metrics.came();
    enqueue(new Task.Message(from, request));
  }

  void leave(ProposeSession session) {
    enqueue(new Task.Left(session));
  }

  /** Has the commit LSN written down, if it has moved since the last time. */
  void persistPositionsIfAhead() {
    Lsn commitLsn = snapshot.commitLsn();
    if (!commitLsn.equals(persistedCommitLsn)) {
      persistedCommitLsn = commitLsn;
      enqueue(new Task.PersistPositions());
    }
  }

  /**
   * Has nothing be done in older generations; completes, once that is durable, with the state then,
   * or with a {@link StorageException} if a later generation was seen.
   */
  CompletableFuture<TimelineSnapshot> raiseGeneration(int generation) {
    return call(acceptor -> acceptor.raiseGeneration(generation));
  }

  /** Notes that the object store has all WAL below. */
  CompletableFuture<TimelineSnapshot> backedUp(Lsn lsn) {
    return call(acceptor -> acceptor.backedUp(lsn));
  }

  /** Notes that the page server does not need WAL below any more. */
  void pageServerHas(Lsn lsn) {
    if (lsn.isAfter(snapshot.state().retention().pageServerLsn())) {
      var _ = call(acceptor -> acceptor.pageServerHas(lsn));
    }
  }

  /**
   * Writes down which WAL is given up; completes with the state then. What it is without is to be
   * deleted by the caller, with {@link TimelineStorage#removeBefore}.
   */
  CompletableFuture<TimelineSnapshot> giveUpOldWal() {
    return call(acceptor -> {
      var _ = acceptor.giveUpOldWal();
    });
  }

  private CompletableFuture<TimelineSnapshot> call(AcceptorCall call) {
    CompletableFuture<TimelineSnapshot> done = new CompletableFuture<>();
    enqueue(new Task.Call(call, done));
    return done;
  }

  /** Ends all conversations and closes the files, after what is queued. */
  CompletableFuture<Void> close() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    enqueue(new Task.Close(done));
    return done;
  }

  private void enqueue(Task task) {
    inbox.add(task);
    if (scheduled.compareAndSet(false, true)) {
      if (task instanceof Task.Message(_, Request.Append _) && turnBytes <= SHORT_TURN_BYTES_MAX) {
        threads.executeShort(this::drain);
      } else {
        threads.execute(this::drain);
      }
    }
  }

  private void drain() {
    do {
      try {
        drainInbox();
      } catch (DiskFailure | RuntimeException | Error failure) {
        closed = true;
        onFatal.accept(failure);
      }
      scheduled.set(false);
    } while (!inbox.isEmpty() && scheduled.compareAndSet(false, true));
  }

  private void drainInbox() throws DiskFailure {
    int taken = 0;
    int bytes = 0;
    Task task = inbox.poll();
    while (task != null) {
      run(task);
      if (task instanceof Task.Message(_, Request.Append append)) {
        bytes += append.data().remaining();
      }
      taken++;
      task = inbox.poll();
      if (task == null || taken == BATCH_MESSAGES_MAX) {
        finishBatch();
        taken = 0;
        if (task == null) {
          task = inbox.poll();
        }
      }
    }
    turnBytes = bytes;
  }

  private void run(Task task) throws DiskFailure {
    switch (task) {
      case Task.Message(ProposeSession from, Request request) -> handle(from, request);
      case Task.Left(ProposeSession session) -> {
        sessions.remove(session);
        if (!closed) {
          acceptor.persistPositions();
        }
      }
      case Task.PersistPositions _ -> {
        if (!closed) {
          acceptor.persistPositions();
        }
      }
      case Task.Call(AcceptorCall call, CompletableFuture<TimelineSnapshot> done) ->
          run(call, done);
      case Task.Close(CompletableFuture<Void> done) -> closeNow(done);
    }
  }

  private void run(AcceptorCall call, CompletableFuture<TimelineSnapshot> done) throws DiskFailure {
    if (closed) {
      done.completeExceptionally(closedHere());
      return;
    }
    try {
      call.run(acceptor);
      publish();
      done.complete(snapshot);
    } catch (StorageException refused) {
      done.completeExceptionally(refused);
    }
  }

  private StorageException closedHere() {
    return new StorageException.Transient("timeline " + id + " is closed here");
  }

  private void handle(ProposeSession from, Request request) throws DiskFailure {
    metrics.handled(request);
    if (from.hasEnded()) {
      return;
    }
    if (closed) {
      from.fail(closedHere());
      return;
    }
    sessions.add(from);
    try {
      Optional<Reply> reply = acceptor.handle(request);
      switch (request) {
        case Request.Greeting _ -> {}
        case Request.VoteRequest vote -> {
          from.campaigned(vote.generation(), vote.term());
          log.info("timeline {}: vote request {}: {}", id, vote, reply.orElseThrow());
        }
        case Request.Elected elected -> {
          from.campaigned(elected.generation(), elected.term());
          log.info("timeline {}: {}: {}", id, elected, reply.orElseThrow());
        }
        case Request.Append _ -> appender = from;
      }
      reply.ifPresent(from::send);
    } catch (StorageException refused) {
      metrics.refused();
      log.info("timeline {}: refused {}: {}", id, request, refused.getMessage());
      from.fail(refused);
    }
    from.requestMore();
  }

  private void finishBatch() throws DiskFailure {
    if (closed) {
      return;
    }
    long startNanos = metrics.nanos();
    Optional<Reply> reply = acceptor.flush();
    if (reply.isPresent()) {
      threads.synced(metrics.flushed(startNanos));
    }
    publish();
    ProposeSession waiting = appender;
    if (reply.isPresent() && waiting != null) {
      waiting.send(reply.get());
    }
    int generation = acceptor.state().generation();
    if (acceptor.term() > announcedTerm || generation > announcedGeneration) {
      announcedTerm = acceptor.term();
      announcedGeneration = generation;
      announce();
    }
  }

  /**
   * Proposers of older terms learn at once that they were superseded, also if they are idle; those
   * of older generations, that they have to be elected again.
   */
  private void announce() {
    Reply news =
        new Reply.Appended(
            acceptor.state().generation(),
            acceptor.term(),
            acceptor.flushLsn(),
            acceptor.flushLsn(),
            acceptor.commitLsn());
    for (ProposeSession session : sessions) {
      boolean isOlder =
          session.term() < announcedTerm || session.generation() < announcedGeneration;
      if (session.term() > 0 && isOlder) {
        session.send(news);
      }
    }
  }

  private void publish() {
    TimelineSnapshot before = snapshot;
    Lsn flushLsn = acceptor.flushLsn();
    if (flushLsn.equals(before.flushLsn())
        && acceptor.commitLsn().equals(before.commitLsn())
        && acceptor.term() == before.state().term()
        && acceptor.state().equals(before.state())) {
      return;
    }
    snapshot = new TimelineSnapshot(acceptor.state(), flushLsn);
    positionListeners.forEach(Runnable::run);
    onChange.accept(snapshot);
  }

  private void closeNow(CompletableFuture<Void> done) throws DiskFailure {
    if (!closed) {
      closed = true;
      acceptor.flush();
      acceptor.persistPositions();
      try {
        storage.close();
      } catch (IOException e) {
        log.info("timeline {}: closing: {}", id, e.toString());
      }
    }
    for (ProposeSession session : sessions) {
      session.fail(closedHere());
    }
    sessions.clear();
    done.complete(null);
  }
}
