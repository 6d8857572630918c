package io.coppice.cli.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** SIGHUP to a process of its own. */
@Timeout(60)
class HangupTest {
  private static final long WAIT_SECONDS = 20;

  /** Takes the signal that it then sends itself, and says whether it came. */
  static final class Receiver {
    private Receiver() {}

    public static void main(String[] arguments) throws Exception {
      CountDownLatch came = new CountDownLatch(1);
      Hangup.run(came::countDown);
      new ProcessBuilder("kill", "-HUP", Long.toString(ProcessHandle.current().pid()))
          .start()
          .waitFor();
      boolean isIgnored = arguments[0].equals("ignored");
      System.out.println(came.await(isIgnored ? 1 : WAIT_SECONDS, TimeUnit.SECONDS) ? "came" : "-");
    }
  }

  /** All that it prints. */
  private static String receive(String shell, String argument)
      throws IOException, InterruptedException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Process process =
        new ProcessBuilder(
                List.of(
                    "sh",
                    "-c",
                    shell + " exec \"$@\"",
                    "sh",
                    java,
                    "-cp",
                    System.getProperty("java.class.path"),
                    Receiver.class.getName(),
                    argument))
            .redirectErrorStream(true)
            .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(out).isZero();
    return out;
  }

  @Test
  void runsTheTask() throws Exception {
    assertThat(receive("", "taken")).contains("came").doesNotContain("is ignored");
  }

  @Test
  void saysThatItIsIgnored() throws Exception {
    assertThat(receive("trap '' HUP;", "ignored")).contains("SIGHUP is ignored, as nohup has it");
  }
}
