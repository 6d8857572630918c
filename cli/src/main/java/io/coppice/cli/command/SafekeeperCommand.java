package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.Column;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.server.ServerCommands;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.TimelineStatus;
import io.coppice.safekeeper.consensus.Retention;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code coppice safekeeper}: runs one, or says what they have and has it rebuilt. */
@Command(
    name = "safekeeper",
    description = {
      "With --id: runs one safekeeper alone until it is stopped.",
      "With a command: says what safekeepers have, or rebuilds it."
    })
public final class SafekeeperCommand implements Callable<Integer> {
  private final Session session;

  @Option(
      names = "--id",
      paramLabel = "N",
      description = "Which of cluster.safekeepers this is, from 1.")
  private @Nullable Integer id;

  @Option(names = "--end-with", paramLabel = "PID", hidden = true)
  private @Nullable Long endWith;

  /** What one safekeeper says of a timeline, or why it says nothing. */
  private record Row(
      int safekeeper, HostPort address, @Nullable TimelineStatus status, @Nullable String problem) {

    static Column<Row> column(String name, Function<TimelineStatus, Object> value) {
      return Column.of(
          name,
          row -> {
            TimelineStatus known = row.status();
            return known == null ? null : value.apply(known);
          });
    }
  }

  private static final List<Column<Row>> ROW =
      List.of(
          Column.of("safekeeper", Row::safekeeper),
          Column.of("address", row -> row.address().toString()),
          Row.column("generation", status -> status.state().generation()),
          Row.column("term", status -> status.state().term()),
          Row.column("last_log_term", TimelineStatus::lastLogTerm),
          Row.column("flush_lsn", status -> status.flushLsn().toString()),
          Row.column("commit_lsn", status -> status.state().commitLsn().toString()),
          Row.column("truncate_lsn", status -> status.state().truncateLsn().toString()),
          Row.column("backup_lsn", status -> retention(status).backupLsn().toString()),
          Row.column("pageserver_lsn", status -> retention(status).pageServerLsn().toString()),
          Row.column("local_start_lsn", status -> retention(status).localStartLsn().toString()),
          Row.column("has_proposer", TimelineStatus::hasProposer),
          Row.column("damaged_blocks", TimelineStatus::damagedBlocks),
          Column.of("problem", Row::problem));

  private static final List<Column<TimelineStatus>> TIMELINE =
      List.of(
          Column.of("tenant_id", timeline -> timeline.id().tenant().toString()),
          Column.of("timeline_id", timeline -> timeline.id().timeline().toString()),
          Column.of("generation", timeline -> timeline.state().generation()),
          Column.of("term", timeline -> timeline.state().term()),
          Column.of("flush_lsn", timeline -> timeline.flushLsn().toString()),
          Column.of("commit_lsn", timeline -> timeline.state().commitLsn().toString()),
          Column.of("backup_lsn", timeline -> retention(timeline).backupLsn().toString()),
          Column.of("local_start_lsn", timeline -> retention(timeline).localStartLsn().toString()));

  private static Retention retention(TimelineStatus status) {
    return status.state().retention();
  }

  public SafekeeperCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws Exception {
    if (id == null) {
      throw new CommandFailure(
          ExitCode.USAGE, "which safekeeper? Say --id N, or one of pull, scrub, status, timelines");
    }
    ServerCommands.runSafekeeper(session, id, endWith);
    return ExitCode.OK.number();
  }

  @Command(
      name = "status",
      description = "What each safekeeper has of a branch. A dash: it did not say.")
  void status(
      @Parameters(paramLabel = "BRANCH", description = "Name or id, or TENANT_ID/TIMELINE_ID.")
          String branch,
      @Option(
              names = "--safekeepers",
              paramLabel = "HOST:PORT",
              split = ",",
              description = "All safekeepers, in order (default: those of the configuration).")
          @Nullable List<HostPort> named)
      throws StorageException, CommandFailure {
    TenantTimelineId id = timeline(branch);
    List<HostPort> all = safekeepers(named);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      try (SafekeeperClient client = SafekeeperClient.open(all.get(i))) {
        rows.add(new Row(i + 1, all.get(i), client.status(id), null));
      } catch (StorageException failure) {
        rows.add(new Row(i + 1, all.get(i), null, failure.getMessage()));
      }
    }
    session.output().list(ROW, rows);
  }

  @Command(name = "timelines", description = "Lists what a safekeeper has.")
  void timelines(
      @Parameters(paramLabel = "N", description = "Which safekeeper, from 1.") int number,
      @Option(
              names = "--safekeepers",
              paramLabel = "HOST:PORT",
              split = ",",
              description = "All safekeepers, in order (default: those of the configuration).")
          @Nullable List<HostPort> named)
      throws StorageException, CommandFailure {
    try (SafekeeperClient client = SafekeeperClient.open(safekeeper(number, safekeepers(named)))) {
      session.output().list(TIMELINE, sorted(client.timelines()));
    }
  }

  @Command(
      name = "pull",
      description = {
        "Has a safekeeper that has lost a branch rebuild it from the others.",
        "A running endpoint does that by itself. Of three safekeepers both others must answer."
      })
  void pull(
      @Parameters(index = "0", paramLabel = "N", description = "Which safekeeper, from 1.")
          int number,
      @Parameters(
              index = "1",
              arity = "0..1",
              paramLabel = "BRANCH",
              description = "Name or id, or TENANT_ID/TIMELINE_ID.")
          @Nullable String branch,
      @Option(names = "--all", description = "Every timeline that it lacks and another has.")
          boolean everything,
      @Option(
              names = "--replace",
              description = "Also if it has the branch: that copy is given up first.")
          boolean replace,
      @Option(
              names = "--safekeepers",
              paramLabel = "HOST:PORT",
              split = ",",
              description = "All safekeepers, in order (default: those of the configuration).")
          @Nullable List<HostPort> named)
      throws StorageException, CommandFailure {
    if (everything == (branch != null) || (everything && replace)) {
      throw new CommandFailure(
          ExitCode.USAGE, "which branch? Name one, with --replace or without, or say --all");
    }
    List<HostPort> all = safekeepers(named);
    HostPort target = safekeeper(number, all);
    List<HostPort> peers = all.stream().filter(address -> !address.equals(target)).toList();
    try (SafekeeperClient client = SafekeeperClient.open(target)) {
      List<TimelineStatus> rebuilt = new ArrayList<>();
      Set<TenantTimelineId> wanted =
          branch == null ? lacking(client, peers) : Set.of(timeline(branch));
      for (TenantTimelineId id : wanted) {
        var _ = client.pull(id, peers, replace);
        rebuilt.add(client.status(id));
      }
      session.output().list(TIMELINE, sorted(rebuilt));
    }
  }

  @Command(
      name = "scrub",
      description = {
        "Has safekeepers check every stored block of WAL against its checksum.",
        "Exits with 9 if damage was found that is not repaired."
      })
  void scrub(
      @Parameters(
              arity = "0..1",
              paramLabel = "BRANCH",
              description = "Name or id, or TENANT_ID/TIMELINE_ID; all of them if not given.")
          @Nullable String branch,
      @Option(
              names = "--address",
              paramLabel = "HOST:PORT",
              split = ",",
              description = "Which safekeepers (default: those of the configuration).")
          @Nullable List<HostPort> addresses,
      @Option(
              names = "--repair-from",
              paramLabel = "HOST:PORT",
              split = ",",
              description = "Safekeepers to get blocks from that are damaged. Implies --repair.")
          @Nullable List<HostPort> repairFrom,
      @Option(
              names = "--repair",
              description = "Puts damaged blocks right with what the object store has.")
          boolean repair)
      throws StorageException, CommandFailure {
    new SafekeeperScrub(session.output())
        .run(
            safekeepers(addresses),
            branch == null ? Optional.empty() : Optional.of(timeline(branch)),
            repairFrom == null && repair
                ? Optional.of(List.of())
                : Optional.ofNullable(repairFrom));
  }

  private static Set<TenantTimelineId> lacking(SafekeeperClient client, List<HostPort> peers)
      throws StorageException {
    Set<TenantTimelineId> wanted = new LinkedHashSet<>();
    for (HostPort address : peers) {
      try (SafekeeperClient peer = SafekeeperClient.open(address)) {
        peer.timelines().forEach(timeline -> wanted.add(timeline.id()));
      }
    }
    client.timelines().forEach(timeline -> wanted.remove(timeline.id()));
    return wanted;
  }

  private static List<TimelineStatus> sorted(List<TimelineStatus> timelines) {
    return timelines.stream()
        .sorted(Comparator.comparing(timeline -> timeline.id().toString()))
        .toList();
  }

  private List<HostPort> safekeepers(@Nullable List<HostPort> named) throws StorageException {
    return named == null || named.isEmpty()
        ? session.configOfRunning().cluster().safekeepers()
        : List.copyOf(named);
  }

  private static HostPort safekeeper(int number, List<HostPort> all) throws CommandFailure {
    if (number < 1 || number > all.size()) {
      throw new CommandFailure(
          ExitCode.USAGE,
          "there is no safekeeper %d (there are 1 to %d)".formatted(number, all.size()));
    }
    return all.get(number - 1);
  }

  private TenantTimelineId timeline(String branch) throws StorageException, CommandFailure {
    int slash = branch.indexOf('/');
    if (slash > 0) {
      try {
        return new TenantTimelineId(
            TenantId.parse(branch.substring(0, slash)),
            TimelineId.parse(branch.substring(slash + 1)));
      } catch (IllegalArgumentException malformed) {
        throw new CommandFailure(ExitCode.USAGE, String.valueOf(malformed.getMessage()));
      }
    }
    try (PageserverClient client = session.pageserver()) {
      return client.getBranch(session.tenant(client).id(), branch).id();
    }
  }
}
