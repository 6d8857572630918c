package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.Column;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.ObjectStores;
import io.coppice.common.platform.Ids;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.pageserver.remote.LayerObjects;
import io.coppice.pageserver.remote.OrphanRemoval;
import io.coppice.pageserver.remote.ScrubProblem;
import io.coppice.pageserver.remote.ScrubResult;
import io.coppice.pageserver.remote.StoreScrub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code coppice scrub}. */
@Command(
    name = "scrub",
    description = {
      "Compares the indexes of all branches with the objects that are there.",
      "Names what is missing, damaged or left over. Needs no running server."
    })
public final class ScrubCommand implements Callable<Integer> {
  private static final List<Column<ScrubResult>> RESULT =
      List.of(
          Column.of("tenant", result -> result.tenant().toString()),
          Column.of("branch", result -> orTimeline(result)),
          Column.of("layers", ScrubResult::layers),
          Column.size("layer_size", ScrubResult::layerSizeBytes),
          Column.of("missing", ScrubResult::missing),
          Column.of("damaged", ScrubResult::damaged),
          Column.of("repaired", ScrubResult::repaired),
          Column.of("orphaned", ScrubResult::orphaned),
          Column.size("orphaned_size", ScrubResult::orphanedSizeBytes),
          Column.of("deleted", ScrubResult::deleted));

  private final Session session;

  @Option(
      names = "--sizes-only",
      description = "Compares sizes, and reads no contents: faster, and finds less.")
  private boolean sizesOnly;

  @Option(
      names = "--repair",
      description = "Puts back what the page server's disk on this machine still has whole.")
  private boolean repair;

  @Option(
      names = "--delete-orphans",
      description = "Deletes what no index names, if it is older than --older-than.")
  private boolean deleteOrphans;

  @Option(
      names = "--older-than",
      paramLabel = "TIME",
      defaultValue = "24h",
      description = "Age from which orphans are deleted (default: ${DEFAULT-VALUE}, at least 1h).")
  private Duration olderThan = Duration.ofHours(24);

  public ScrubCommand(Session session) {
    this.session = session;
  }

  private static String orTimeline(ScrubResult result) {
    return result.branch().isEmpty() ? result.timeline() : result.branch();
  }

  @Override
  public Integer call() throws StorageException, CommandFailure, IOException {
    if (olderThan.compareTo(OrphanRemoval.AGE_MIN) < 0) {
      throw new StorageException.Invalid(
          "--older-than %s is too young: a page server may be about to name it (1h or more can be)"
              .formatted(olderThan));
    }
    CoppiceConfig config = session.config();
    Path scratch = Files.createDirectories(config.dataDir().resolve("scrub"));
    List<ScrubResult> results = new ArrayList<>();
    try (ObjectStore store = ObjectStores.open(config.objectStore(), Ids.secureRandom())) {
      StoreScrub scrub = scrub(config, store, scratch);
      for (TenantId tenant : tenants(store)) {
        results.addAll(scrub.scrub(tenant));
      }
    } finally {
      DirectoryTrees.delete(scratch);
    }
    session.output().list(RESULT, results);
    long left = results.stream().mapToLong(r -> r.missing() + r.damaged() - r.repaired()).sum();
    if (left > 0) {
      throw new CommandFailure(
          ExitCode.DAMAGED, "%d objects are missing or damaged, see above".formatted(left));
    }
    return ExitCode.OK.number();
  }

  private StoreScrub scrub(CoppiceConfig config, ObjectStore store, Path scratch) {
    Optional<Path> repairFrom =
        repair
            ? Optional.of(config.dataDir().resolve("pageserver").resolve("layers"))
            : Optional.empty();
    return new StoreScrub(
        store,
        new LayerObjects(store, !sizesOnly, scratch, repairFrom),
        new OrphanRemoval(
            store, session.clock(), deleteOrphans ? Optional.of(olderThan) : Optional.empty()),
        this::tell);
  }

  private List<TenantId> tenants(ObjectStore store) throws StorageException, CommandFailure {
    Map<TenantId, String> found = StoreScrub.tenants(store);
    Optional<String> wanted = session.namedTenant();
    List<TenantId> chosen =
        found.entrySet().stream()
            .filter(tenant ->
                wanted.isEmpty()
                    || wanted.get().equals(tenant.getValue())
                    || wanted.get().equals(tenant.getKey().toString()))
            .map(Map.Entry::getKey)
            .toList();
    if (chosen.isEmpty() && wanted.isPresent()) {
      throw new CommandFailure(
          ExitCode.NOT_FOUND, "the object store has no tenant \"%s\"".formatted(wanted.get()));
    }
    return chosen;
  }

  private void tell(ScrubProblem problem) {
    session
        .output()
        .message(
            "%s: %s: %s%s"
                .formatted(
                    switch (problem.kind()) {
                      case MISSING -> "missing";
                      case DAMAGED -> "damaged";
                      case ORPHANED -> "orphaned";
                    },
                    problem.object(),
                    problem.problem(),
                    problem.repaired() ? "; repaired" : ""));
  }
}
