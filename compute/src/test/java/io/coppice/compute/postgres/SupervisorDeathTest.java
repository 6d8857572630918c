package io.coppice.compute.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.coppice.common.platform.Clock;
import java.io.BufferedReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of Postgres when the process that looks after it is killed. */
@Timeout(120)
final class SupervisorDeathTest {
  @TempDir Path directory;

  @Test
  void postgresDoesNotOutliveItsSupervisor() throws Exception {
    RunAs user = TestPostgres.user();
    assumeThat(user.serverCommand(List.of("postgres")).getFirst()).isEqualTo("setpriv");
    Path data = Files.createDirectory(TestPostgres.open(directory).resolve("data"));
    Path logFile = directory.resolve("log");
    user.own(data);
    Initdb.run(TestPostgres.installation(), user, data, Optional.empty(), false);

    Process supervisor = startSupervisor(data, logFile);
    long postmaster;
    try (BufferedReader lines = supervisor.inputReader()) {
      String line = lines.readLine();
      while (line != null && !line.startsWith("ready ")) {
        line = lines.readLine();
      }
      assertThat(line).isNotNull();
      postmaster = Long.parseLong(line.substring("ready ".length()));
      // As long as its supervisor lives nothing happens to it, whatever other threads do.
      assertThat(supervisor.waitFor(1, TimeUnit.SECONDS)).isFalse();
      assertThat(PostmasterFile.read(data).orElseThrow().process(data)).isPresent();
    } finally {
      supervisor.destroyForcibly().waitFor();
    }

    assertThat(awaitGone(data)).isTrue();
    assertThat(Files.readString(logFile)).contains("received immediate shutdown request");
    assertThat(PostgresServer.stopLeftover(data, Clock.SYSTEM)).isEmpty();
    assertThat(postmaster).isPositive();
  }

  private static Process startSupervisor(Path data, Path logFile) throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            TestSupervisor.class.getName(),
            data.toString(),
            logFile.toString(),
            Integer.toString(port))
        .redirectErrorStream(true)
        .start();
  }

  private static boolean awaitGone(Path data) throws InterruptedException {
    for (int i = 0; i < 500; i++) {
      if (PostmasterFile.read(data).flatMap(file -> file.process(data)).isEmpty()) {
        return true;
      }
      Thread.sleep(20);
    }
    return false;
  }
}
