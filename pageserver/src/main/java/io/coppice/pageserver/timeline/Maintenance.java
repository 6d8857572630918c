package io.coppice.pageserver.timeline;

import java.util.Collection;
import java.util.function.Supplier;

/** Who does timelines' background work. */
public interface Maintenance extends AutoCloseable {
  /** Has {@link Timeline#maintain} called soon, on a thread that may block. Never blocks. */
  void maintainSoon(Timeline timeline);

  /** Begins to look for work by itself among these timelines. */
  void start(Supplier<Collection<Timeline>> timelines);

  /** Ends, after what is under way. */
  @Override
  void close();
}
