package io.coppice.safekeeper.client;

import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TermSwitch;
import java.util.List;

/** Term histories on the wire. */
public final class HistoryCodec {

  private HistoryCodec() {}

  public static List<io.coppice.proto.v1.TermSwitch> toProto(TermHistory history) {
    return history.entries().stream()
        .map(entry ->
            io.coppice.proto.v1.TermSwitch.newBuilder()
                .setTerm(entry.term())
                .setStartLsn(entry.startLsn().value())
                .build())
        .toList();
  }

  /**
   * Reads a history.
   *
   * @throws IllegalArgumentException if it is out of order or too long
   */
  public static TermHistory fromProto(List<io.coppice.proto.v1.TermSwitch> entries) {
    return new TermHistory(
        entries.stream()
            .map(entry -> new TermSwitch(entry.getTerm(), new Lsn(entry.getStartLsn())))
            .toList());
  }
}
