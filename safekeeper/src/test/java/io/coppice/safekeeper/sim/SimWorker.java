package io.coppice.safekeeper.sim;

import io.coppice.common.error.StorageException;
import io.coppice.safekeeper.consensus.Acceptor;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.sim.SimNetwork.Session;
import io.coppice.testsupport.disk.PowerLost;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A safekeeper's conversations with proposers. Takes messages in batches, as the production worker
 * does, with one sync at the end of each.
 */
final class SimWorker {
  private static final int SERVICE_MICROS = 30;
  private static final int SLOW_FACTOR = 100;
  private static final int BATCH_MESSAGES_MAX = 16;

  private record Message(Session from, Request request) {}

  private final World world;
  private final SimSafekeeper safekeeper;
  private final Queue<Message> inbox = new ArrayDeque<>();
  private final Set<Session> sessions = new LinkedHashSet<>();
  private @Nullable Session appender;
  private long announcedTerm;
  private int announcedGeneration;
  private boolean drainScheduled;

  SimWorker(World world, SimSafekeeper safekeeper) {
    this.world = world;
    this.safekeeper = safekeeper;
  }

  void started(Acceptor acceptor) {
    announcedTerm = acceptor.term();
    announcedGeneration = acceptor.state().generation();
  }

  void ended() {
    inbox.clear();
    leaveAll();
  }

  /** Ends the conversations about a timeline that is not here any more. */
  void leaveAll() {
    inbox.removeIf(message -> sessions.contains(message.from));
    appender = null;
    for (Session session : sessions) {
      world.network.close(session, false);
    }
    sessions.clear();
  }

  void receive(Session from, Request request) {
    inbox.add(new Message(from, request));
    scheduleDrain();
  }

  private void scheduleDrain() {
    if (!drainScheduled) {
      drainScheduled = true;
      long factor = safekeeper.isSlow() ? SLOW_FACTOR : 1;
      world.later(SERVICE_MICROS * factor, this::drain);
    }
  }

  private void drain() {
    drainScheduled = false;
    if (!safekeeper.isUp() || inbox.isEmpty()) {
      return;
    }
    if (safekeeper.pausedMicros() > 0) {
      drainScheduled = true;
      world.later(safekeeper.pausedMicros(), this::drain);
      return;
    }
    try {
      for (int taken = 0; taken < BATCH_MESSAGES_MAX && !inbox.isEmpty(); taken++) {
        Message message = inbox.remove();
        handle(message.from, message.request);
      }
      finishBatch();
      if (!inbox.isEmpty()) {
        scheduleDrain();
      }
    } catch (PowerLost _) {
      safekeeper.endInOperation();
    } catch (DiskFailure failure) {
      world.coverage.mark("stopped by its disk");
      safekeeper.kill();
    }
  }

  private void handle(Session from, Request request) throws DiskFailure {
    world.trace.add(
        "safekeeper %s < compute %d: %s", safekeeper.node, from.compute.number, request);
    world.mix(safekeeper.node.value());
    try {
      Acceptor acceptor = safekeeper.acceptorFor(from.compute.creation, request);
      sessions.add(from);
      world.oracle.aboutToHandle(safekeeper, request);
      Optional<Reply> reply = acceptor.handle(request);
      switch (request) {
        case Request.Greeting _ -> {}
        case Request.VoteRequest vote -> from.entered(vote.term(), vote.generation());
        case Request.Elected elected -> from.entered(elected.term(), elected.generation());
        case Request.Append _ -> appender = from;
      }
      reply.ifPresent(answer -> reply(from, answer));
    } catch (StorageException.Corrupt found) {
      safekeeper.foundDamage(found);
    } catch (StorageException refused) {
      refuse(from, refused.getMessage());
    } catch (IOException failure) {
      refuse(from, failure.getMessage());
    }
  }

  private void refuse(Session from, @Nullable String why) {
    world.trace.add("safekeeper %s refuses: %s", safekeeper.node, why);
    sessions.remove(from);
    world.network.close(from, false);
  }

  private void finishBatch() throws DiskFailure {
    Optional<Acceptor> known = safekeeper.acceptor();
    if (known.isEmpty()) {
      return;
    }
    Acceptor acceptor = known.get();
    Optional<Reply> reply = acceptor.flush();
    Session waiting = appender;
    if (reply.isPresent() && waiting != null) {
      reply(waiting, reply.get());
    }
    int generation = acceptor.state().generation();
    if (acceptor.term() > announcedTerm || generation > announcedGeneration) {
      announcedTerm = acceptor.term();
      announcedGeneration = generation;
      announce(acceptor);
    }
    world.oracle.changed(safekeeper);
  }

  private void announce(Acceptor acceptor) {
    Reply news =
        new Reply.Appended(
            acceptor.state().generation(),
            acceptor.term(),
            acceptor.flushLsn(),
            acceptor.flushLsn(),
            acceptor.commitLsn());
    for (Session session : sessions) {
      boolean older = session.term < announcedTerm || session.generation < announcedGeneration;
      if (session.term > 0 && older) {
        reply(session, news);
      }
    }
  }

  private void reply(Session to, Reply reply) {
    world.oracle.replies(safekeeper, reply);
    world.trace.add("safekeeper %s > compute %d: %s", safekeeper.node, to.compute.number, reply);
    world.network.reply(to, reply);
  }
}
