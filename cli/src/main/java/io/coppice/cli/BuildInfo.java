package io.coppice.cli;

import io.coppice.common.metrics.Metrics;
import io.micrometer.core.instrument.Gauge;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** What was built, from a resource that the build fills in. */
public record BuildInfo(String version, String commit) {
  private static final String RESOURCE = "build.properties";

  /** Shows it among the numbers of a process, which are returned. */
  public Metrics addTo(Metrics metrics) {
    // The dots make an info of it, whose name may end so.
    Gauge.builder("coppice.build.info", () -> 1)
        .description("What was built; the value is always 1.")
        .tag("version", version)
        .tag("commit", commit)
        .register(metrics.registry());
    return metrics;
  }

  public static BuildInfo load() {
    Properties properties = new Properties();
    try (InputStream in = BuildInfo.class.getResourceAsStream(RESOURCE)) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the resource " + RESOURCE, e);
    }
    return new BuildInfo(
        properties.getProperty("version", "unknown"), properties.getProperty("commit", "unknown"));
  }
}
