package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.compute.postgres.PostgresServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The endpoints of one machine, as their files tell of them; any process may ask. */
public final class EndpointRegistry {
  private static final Logger log = LoggerFactory.getLogger(EndpointRegistry.class);
  private static final String GONE = "its supervisor ended without a word";

  private final Path root;
  private final Clock clock;

  /**
   * @param dataDirectory of the machine, as in {@link EndpointSpec}
   */
  public EndpointRegistry(Path dataDirectory, Clock clock) {
    this.root = RunDirectory.root(dataDirectory.toAbsolutePath().normalize());
    this.clock = clock;
  }

  /** The newest run of every branch that has one, in the order of their ids. */
  public List<EndpointState> list() throws StorageException {
    List<EndpointState> states = new ArrayList<>();
    for (TimelineId timeline : RunDirectory.timelines(root)) {
      find(timeline).ifPresent(states::add);
    }
    return states;
  }

  /**
   * The newest run of a branch's endpoint. One whose supervisor is gone without having said so is
   * shown as failed.
   */
  public Optional<EndpointState> find(TimelineId timeline) throws StorageException {
    for (RunDirectory run : RunDirectory.list(root, timeline)) {
      Optional<EndpointState> state = run.read();
      if (state.isPresent()) {
        return state.map(this::asSeen);
      }
    }
    return Optional.empty();
  }

  private EndpointState asSeen(EndpointState state) {
    return state.status().isFinal() || state.supervisor().isAlive()
        ? state
        : state.withStatus(EndpointStatus.FAILED, GONE, state.changedAt());
  }

  /**
   * Ends an endpoint: asks its supervisor to, and waits until that has ended. If the supervisor is
   * gone already, ends a Postgres that it left.
   *
   * @throws StorageException.Transient if it does not end in time
   * @throws StorageException.Precondition if it belongs to this very process
   */
  public void stop(EndpointState state, long timeoutMillis)
      throws StorageException, InterruptedException {
    if (state.supervisor().isSelf()) {
      throw new StorageException.Precondition(
          "the endpoint of branch \"%s\" runs in this process".formatted(state.branch()));
    }
    Optional<ProcessHandle> supervisor =
        ProcessHandle.of(state.supervisor().pid()).filter(_ -> state.supervisor().isAlive());
    if (supervisor.isPresent()) {
      supervisor.get().destroy(); // SIGTERM
      awaitExit(state, supervisor.get(), timeoutMillis);
    }
    Optional<EndpointState> last = find(state.timeline());
    if (last.isPresent() && last.get().reason().equals(GONE)) {
      cleanUp(state.timeline());
    }
  }

  private static void awaitExit(EndpointState state, ProcessHandle supervisor, long timeoutMillis)
      throws StorageException, InterruptedException {
    try {
      supervisor.onExit().get(timeoutMillis, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new StorageException.Transient(
          "the endpoint of branch \"%s\" (process %d) did not end within %d ms"
              .formatted(state.branch(), state.supervisor().pid(), timeoutMillis),
          e);
    } catch (ExecutionException e) {
      throw new StorageException.Transient("waiting for process " + supervisor.pid(), e);
    }
  }

  /**
   * Ends what dead supervisors of a branch left running and deletes the data of all runs that are
   * over, and all but the newest of such runs altogether. Runs that are alive are left alone.
   */
  void cleanUp(TimelineId timeline) throws StorageException, InterruptedException {
    var _ = cleanUp(timeline, Integer.MAX_VALUE);
  }

  /** The same of the runs before one; returns how many were over. */
  int cleanUp(TimelineId timeline, int before) throws StorageException, InterruptedException {
    boolean newest = true;
    int over = 0;
    for (RunDirectory run : RunDirectory.list(root, timeline)) {
      if (run.run() >= before) {
        continue;
      }
      Optional<EndpointState> read = run.read();
      if (read.isEmpty()) {
        continue; // being made just now
      }
      EndpointState state = read.get();
      if (!state.status().isFinal() && state.supervisor().isAlive()) {
        newest = false;
        continue;
      }
      PostgresServer.stopLeftover(state.dataPath(), clock);
      run.deleteData(state.dataPath());
      if (!newest) {
        run.delete();
      } else if (!state.status().isFinal()) {
        run.write(state.withStatus(EndpointStatus.FAILED, GONE, clock.now()));
      }
      newest = false;
      over++;
      log.debug("cleaned up {}", run.path());
    }
    return over;
  }
}
