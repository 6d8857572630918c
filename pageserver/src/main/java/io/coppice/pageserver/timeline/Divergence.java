package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where the histories of two states part: up to {@code lsn} of {@code ancestor} they are the same,
 * and all that was written since to one or the other is in the spans.
 *
 * @param ancestor the newest timeline that both read from
 */
public record Divergence(TimelineId ancestor, Lsn lsn, List<Span> spans) {

  public Divergence {
    spans = List.copyOf(spans);
  }

  /** What a timeline has after an LSN, up to another. */
  public record Span(Timeline timeline, Lsn after, Lsn upTo) {}

  /**
   * Of two states of one tenant.
   *
   * @throws StorageException.Invalid if they have nothing in common
   */
  public static Divergence of(Timeline a, Lsn lsnA, Timeline b, Lsn lsnB)
      throws StorageException.Invalid {
    Map<Timeline, Lsn> pathA = path(a, lsnA);
    Map<Timeline, Lsn> pathB = path(b, lsnB);
    for (Timeline common : pathA.keySet()) {
      Lsn endB = pathB.get(common);
      if (endB != null) {
        Lsn fork = Lsn.min(pathA.getOrDefault(common, endB), endB);
        List<Span> spans = new ArrayList<>();
        addSpans(pathA, common, fork, spans);
        addSpans(pathB, common, fork, spans);
        return new Divergence(common.id().timeline(), fork, spans);
      }
    }
    throw new StorageException.Invalid(
        "branches %s and %s have no common ancestor".formatted(a.name(), b.name()));
  }

  /** The timelines that a state is read from, itself first, and up to which LSN. */
  private static Map<Timeline, Lsn> path(Timeline timeline, Lsn lsn) {
    Map<Timeline, Lsn> path = new LinkedHashMap<>();
    Lsn end = lsn;
    for (@Nullable Timeline at = timeline; at != null; at = at.ancestorTimeline()) {
      path.put(at, end);
      end = Lsn.min(end, at.startLsn());
    }
    return path;
  }

  private static void addSpans(Map<Timeline, Lsn> path, Timeline common, Lsn fork, List<Span> to) {
    for (Map.Entry<Timeline, Lsn> step : path.entrySet()) {
      Timeline timeline = step.getKey();
      boolean isCommon = timeline == common;
      Lsn after = isCommon ? fork : timeline.startLsn();
      if (after.isBefore(step.getValue())) {
        to.add(new Span(timeline, after, step.getValue()));
      }
      if (isCommon) {
        return;
      }
    }
  }
}
