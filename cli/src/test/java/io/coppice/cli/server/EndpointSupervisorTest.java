package io.coppice.cli.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.cli.output.CommandFailure;
import io.coppice.common.config.ConfigLoader;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.compute.endpoint.EndpointState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a supervisor may do while somebody waits for it. Scripts stand in for it. */
@Timeout(60)
final class EndpointSupervisorTest {
  private static final String LAUNCHER = "coppice.launcher";
  private static final TimelineId TIMELINE = new TimelineId(3, 4);

  /** As {@code EndpointStateCodec} has it; {@code $$} is the pid of the shell that writes it. */
  private static final String STATE =
      """
      {"tenant_id": "00000000000000010000000000000002",
       "timeline_id": "00000000000000030000000000000004",
       "branch": "main", "run": 1, "status": "starting", "reason": "",
       "supervisor_pid": $$, "supervisor_started_at": "1970-01-01T00:00:00Z",
       "postmaster_pid": 0, "port": 0, "term": 0, "start_lsn": "0/0",
       "data_path": "/data", "log_path": "/log",
       "started_at": "1970-01-01T00:00:00Z", "changed_at": "1970-01-01T00:00:00Z",
       "durations": {"elect_millis": 0, "wait_millis": 0, "backup_millis": 0,
                     "postgres_millis": 0, "total_millis": 0, "backup_size_bytes": 0}}
      """;

  @TempDir private Path directory;

  private Optional<String> launcherBefore = Optional.empty();

  @BeforeEach
  void keepLauncher() {
    launcherBefore = Optional.ofNullable(System.getProperty(LAUNCHER));
  }

  @AfterEach
  void restoreLauncher() {
    launcherBefore.ifPresentOrElse(
        before -> System.setProperty(LAUNCHER, before), () -> System.clearProperty(LAUNCHER));
  }

  /** Starts {@code commands}, which know the log as {@code $log}, in place of a supervisor. */
  private EndpointState spawn(String commands) throws Exception {
    Path launcher = directory.resolve("launcher");
    Path run = directory.resolve("endpoints").resolve(TIMELINE.toString()).resolve("1");
    Files.createDirectories(run);
    Files.writeString(
        launcher,
        """
        #!/bin/sh
        for log; do :; done
        cat > %s <<END
        %sEND
        %s
        """
            .formatted(run.resolve("endpoint.json"), STATE, commands));
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
    System.setProperty(LAUNCHER, launcher.toString());
    CoppiceConfig config =
        CoppiceConfig.of(ConfigLoader.load(Optional.empty(), Map.of(), List.of()), directory);
    return EndpointSupervisor.spawn(
        config,
        new EndpointSupervisor.Request(
            Optional.empty(), "main", OptionalInt.empty(), Optional.empty(), Optional.empty()),
        Clock.SYSTEM);
  }

  @Test
  void itsJvmMayHaveSomethingToSayFirst() throws Exception {
    EndpointState state =
        spawn("echo '[0.004s][warning][os] cannot do that'; echo 'running %s'".formatted(TIMELINE));
    assertThat(state.timeline()).isEqualTo(TIMELINE);
  }

  @Test
  void mayBeKilledOnceItsLogHasItsPlace() {
    assertThatThrownBy(() ->
            spawn("mv $log $(dirname $log)/%s/supervisor.log; kill -9 $$".formatted(TIMELINE)))
        .isInstanceOf(CommandFailure.class)
        .hasMessage("the endpoint did not start: its supervisor ended without a word");
  }

  @Test
  void mayFailBeforeItHasAState() {
    assertThatThrownBy(() ->
            spawn(
                "rm -r $(dirname $log)/%s; echo 'coppice: no branch' >> $log; exit 3"
                    .formatted(TIMELINE)))
        .isInstanceOf(CommandFailure.class)
        .hasMessage("no branch")
        .extracting(failure -> ((CommandFailure) failure).code().number())
        .isEqualTo(3);
  }
}
