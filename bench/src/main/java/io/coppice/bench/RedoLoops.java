package io.coppice.bench;

import io.coppice.bench.RedoLists.PageVersions;
import io.coppice.bench.RedoLists.Version;
import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.version.PostgresVersion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Makes a page of its stored versions, again and again; run by JMH in a process of its own. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class RedoLoops {
  /** File of the versions. */
  @Param("")
  public String file = "";

  private final byte[] page = new byte[Page.SIZE_BYTES];
  private @Nullable PageRedo redo;
  private @Nullable PageVersions versions;

  @Setup
  public void load() throws IOException {
    redo = new PageRedo(PostgresVersion.V15);
    versions = PageVersions.read(Path.of(file));
  }

  /** One page. */
  @Benchmark
  public byte[] rebuild() throws StorageException {
    PageVersions list = versions;
    PageRedo by = redo;
    if (list == null || by == null) {
      throw new IllegalStateException("not set up");
    }
    for (Version version : list.versions()) {
      by.apply(page, version.lsn(), list.key(), version.value(), 0, version.value().length);
    }
    return page;
  }
}
