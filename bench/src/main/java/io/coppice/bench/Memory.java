package io.coppice.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Memory of a Java process after a full garbage collection.
 *
 * @param heapKib objects that are in use
 * @param residentKib what the operating system counts for the process
 */
record Memory(long heapKib, long residentKib) {
  private static final Pattern HEAP_USED = Pattern.compile("used (\\d+)K");
  private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s*(\\d+) kB");

  static Memory of(Process process) throws BenchFailure, IOException, InterruptedException {
    String pid = Long.toString(process.pid());
    var _ = jcmd(pid, "GC.run");
    return new Memory(
        find(HEAP_USED, jcmd(pid, "GC.heap_info")),
        find(RESIDENT, Files.readString(Path.of("/proc", pid, "status"))));
  }

  private static String jcmd(String pid, String command)
      throws BenchFailure, IOException, InterruptedException {
    Process jcmd =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(), pid, command)
            .redirectErrorStream(true)
            .start();
    String answer = new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (jcmd.waitFor() != 0) {
      throw new BenchFailure("jcmd %s %s: %s".formatted(pid, command, answer));
    }
    return answer;
  }

  private static long find(Pattern pattern, String text) throws BenchFailure {
    Matcher found = pattern.matcher(text);
    if (!found.find()) {
      throw new BenchFailure("no %s in %s".formatted(pattern, text));
    }
    return Long.parseLong(found.group(1));
  }
}
