package io.coppice.cli.command;

import io.coppice.cli.output.Column;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.output.Output;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.proto.v1.DamagedBlock;
import io.coppice.proto.v1.ScrubResponse;
import io.coppice.safekeeper.client.SafekeeperClient;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code coppice safekeeper scrub}: one safekeeper after the other. */
final class SafekeeperScrub {
  private static final List<Column<Result>> RESULT =
      List.of(
          Column.of("address", result -> result.address.toString()),
          Column.of("blocks_checked", result -> result.blocksChecked),
          Column.of("damaged", result -> result.damaged),
          Column.of("repaired", result -> result.repaired));

  private final Output output;

  /** Of one safekeeper. */
  private static final class Result {
    private final HostPort address;
    private long blocksChecked;
    private long damaged;
    private long repaired;

    Result(HostPort address) {
      this.address = address;
    }
  }

  SafekeeperScrub(Output output) {
    this.output = output;
  }

  void run(
      List<HostPort> addresses,
      Optional<TenantTimelineId> only,
      Optional<List<HostPort>> repairFrom)
      throws StorageException, CommandFailure {
    List<Result> results = new ArrayList<>();
    for (HostPort address : addresses) {
      Result result = new Result(address);
      Optional<List<HostPort>> peers =
          repairFrom.map(all -> all.stream().filter(peer -> !peer.equals(address)).toList());
      try (SafekeeperClient client = SafekeeperClient.open(address)) {
        client.scrub(only, peers, answer -> take(result, answer));
      }
      results.add(result);
    }
    output.list(RESULT, results);
    long left = results.stream().mapToLong(result -> result.damaged - result.repaired).sum();
    if (left > 0) {
      throw new CommandFailure(
          ExitCode.DAMAGED, "%d damaged blocks; reads of them are refused".formatted(left));
    }
  }

  private void take(Result result, ScrubResponse answer) {
    result.blocksChecked = answer.getBlocksChecked();
    if (!answer.hasDamaged()) {
      return;
    }
    DamagedBlock damage = answer.getDamaged();
    result.damaged++;
    String outcome = "";
    if (damage.getRepaired()) {
      result.repaired++;
      outcome = "; repaired";
    } else if (!damage.getRepairProblem().isEmpty()) {
      outcome = "; not repaired: " + damage.getRepairProblem();
    }
    output.message(
        "%s: timeline %s at %s: %s%s"
            .formatted(
                result.address,
                damage.getTimelineId(),
                new Lsn(damage.getLsn()),
                damage.getProblem(),
                outcome));
  }
}
