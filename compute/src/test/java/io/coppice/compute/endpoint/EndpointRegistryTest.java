package io.coppice.compute.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.EndpointState.Supervisor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class EndpointRegistryTest {
  private static final TenantId TENANT = new TenantId(1, 2);
  private static final TimelineId MAIN = new TimelineId(0, 10);
  private static final TimelineId DEV = new TimelineId(0, 11);
  private static final Instant NOW = Instant.parse("2026-11-21T08:30:00.123456Z");
  private static final Supervisor DEAD = new Supervisor(4_194_303, NOW);

  @TempDir Path directory;
  private Path root;
  private EndpointRegistry registry;

  @BeforeEach
  void open() {
    root = RunDirectory.root(directory);
    registry = new EndpointRegistry(directory, Clock.SYSTEM);
  }

  @Test
  void readsBackWhatASupervisorWrote() throws StorageException {
    RunDirectory run = RunDirectory.create(root, MAIN);
    EndpointState state =
        state(run, "main", EndpointStatus.RUNNING, Supervisor.self())
            .running(77, 5433, new StartDurations(1, 2, 3, 4, 10, 42_000_000), NOW);
    run.write(state);
    assertThat(registry.find(MAIN)).contains(state);
    assertThat(registry.find(DEV)).isEmpty();
    assertThat(state.connectionString("shop"))
        .isEqualTo("postgresql://postgres@127.0.0.1:5433/shop");
  }

  @Test
  void listsNothingWhereNothingRan() throws StorageException {
    assertThat(registry.list()).isEmpty();
  }

  @Test
  void showsTheNewestRunOfEachBranch() throws StorageException {
    write(MAIN, "main", EndpointStatus.FENCED, Supervisor.self());
    EndpointState newer = write(MAIN, "main", EndpointStatus.RUNNING, Supervisor.self());
    EndpointState dev = write(DEV, "dev", EndpointStatus.STOPPED, DEAD);
    RunDirectory beingMade = RunDirectory.create(root, MAIN);
    assertThat(beingMade.run()).isEqualTo(3);
    assertThat(registry.list()).containsExactly(newer, dev);
  }

  @Test
  void showsAnEndpointWhoseSupervisorDiedAsFailed() throws Exception {
    write(MAIN, "main", EndpointStatus.RUNNING, DEAD);
    Supervisor reused = new Supervisor(Supervisor.self().pid(), NOW.minusSeconds(9));
    write(DEV, "dev", EndpointStatus.RUNNING, reused);
    assertThat(registry.list())
        .allSatisfy(state -> assertThat(state.status()).isEqualTo(EndpointStatus.FAILED));
  }

  @Test
  void cleansUpAfterTheDeadOnly() throws Exception {
    EndpointState old = write(MAIN, "main", EndpointStatus.FAILED, DEAD);
    EndpointState alive = write(MAIN, "main", EndpointStatus.RUNNING, Supervisor.self());
    EndpointState dead = write(DEV, "dev", EndpointStatus.RUNNING, DEAD);
    registry.cleanUp(MAIN);
    registry.cleanUp(DEV);
    assertThat(old.dataPath().resolve("..")).doesNotExist();
    assertThat(alive.dataPath()).isDirectory();
    assertThat(dead.dataPath()).doesNotExist();
    assertThat(registry.find(DEV).orElseThrow().status()).isEqualTo(EndpointStatus.FAILED);
  }

  @Test
  void neverDeletesADirectoryThatIsNoneOfItsOwn() throws Exception {
    Path precious = Files.createDirectories(directory.resolve("precious/data"));
    RunDirectory run = RunDirectory.create(root, MAIN);
    EndpointState state = state(run, "main", EndpointStatus.FAILED, DEAD);
    run.write(state.elected(1, Lsn.parse("0/16B3748"), precious, NOW));
    assertThatThrownBy(() -> registry.cleanUp(MAIN))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("none of its own");
    assertThat(precious).isDirectory();
  }

  @Test
  void asksASupervisorToEndAndWaitsForIt() throws Exception {
    Process supervisor = new ProcessBuilder("sleep", "60").start();
    Supervisor identity =
        new Supervisor(supervisor.pid(), supervisor.info().startInstant().orElseThrow());
    assertThat(identity.isAlive()).isTrue();
    EndpointState state = write(MAIN, "main", EndpointStatus.RUNNING, identity);
    registry.stop(state, 10_000);
    assertThat(supervisor.isAlive()).isFalse();
    assertThat(registry.find(MAIN).orElseThrow().status()).isEqualTo(EndpointStatus.FAILED);
    assertThat(state.dataPath()).doesNotExist();
    registry.stop(state, 10_000);
  }

  @Test
  void doesNotStopItself() throws Exception {
    EndpointState state = write(MAIN, "main", EndpointStatus.RUNNING, Supervisor.self());
    assertThatThrownBy(() -> registry.stop(state, 10))
        .isInstanceOf(StorageException.Precondition.class);
  }

  @Test
  void namesTheFileThatIsDamaged() throws Exception {
    EndpointState state = write(MAIN, "main", EndpointStatus.RUNNING, Supervisor.self());
    Path file = state.logPath().resolveSibling("endpoint.json");
    Files.writeString(file, Files.readString(file).replace("running", "sleeping"));
    assertThatThrownBy(registry::list)
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(file.toString());
    Files.writeString(file, "{\"tenant_id\":");
    assertThatThrownBy(registry::list).isInstanceOf(StorageException.Corrupt.class);
  }

  private EndpointState write(
      TimelineId timeline, String branch, EndpointStatus status, Supervisor supervisor)
      throws StorageException {
    RunDirectory run = RunDirectory.create(root, timeline);
    EndpointState state = state(run, branch, status, supervisor);
    assertThat(state.dataPath().toFile().mkdir()).isTrue();
    run.write(state);
    return state;
  }

  private static EndpointState state(
      RunDirectory run, String branch, EndpointStatus status, Supervisor supervisor) {
    return new EndpointState(
        TENANT,
        run.timeline(),
        branch,
        run.run(),
        status,
        "",
        supervisor,
        0,
        0,
        0,
        Lsn.INVALID,
        run.defaultData(),
        run.log(),
        NOW,
        NOW,
        StartDurations.NONE,
        Optional.of(new HostPort("127.0.0.1", 7181)));
  }
}
