package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Ids;
import io.coppice.compute.endpoint.EndpointRegistry;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.compute.storage.PageserverClient;
import java.util.Comparator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code coppice branch}. */
@Command(
    name = "branch",
    aliases = "branches",
    description = "Branches: copies of a database at a moment, made at once and sharing storage.")
public final class BranchCommand extends Noun {

  public BranchCommand(Session session) {
    super(session);
  }

  @Command(name = "create", description = "Makes a branch.")
  void create(
      @Parameters(paramLabel = "NAME", description = "Of the new branch.") String name,
      @Option(
              names = "--parent",
              paramLabel = "BRANCH",
              defaultValue = "main",
              description = "What to branch from (default: main).")
          String parent,
      @Option(
              names = "--at",
              paramLabel = "LSN|TIME|now",
              defaultValue = "now",
              description =
                  "The state to branch from: an LSN, a time in RFC 3339, or now (default).")
          BranchPoint at)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      TenantId tenant = session().tenant(client).id();
      TimelineId timeline = Ids.newTimelineId(Ids.secureRandom());
      long startedNanos = session().clock().monotonicNanos();
      BranchInfo branch = client.createBranch(tenant, timeline, name, parent, at);
      double tookMillis = (session().clock().monotonicNanos() - startedNanos) / 1e6;
      output().one(Columns.BRANCH_LONG, branch);
      output().message("created in %.1f ms".formatted(tookMillis));
    }
  }

  @Command(name = "list", description = "Shows all branches of the tenant.")
  void list() throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      output()
          .list(
              Columns.BRANCH_SHORT,
              client.listBranches(session().tenant(client).id()).stream()
                  .sorted(Comparator.comparing(BranchInfo::createdAt))
                  .toList());
    }
  }

  @Command(name = "get", description = "Shows one branch.")
  void get(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      output().one(Columns.BRANCH_LONG, client.getBranch(session().tenant(client).id(), branch));
    }
  }

  @Command(name = "delete", description = "Deletes a branch that has no children.")
  void delete(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      BranchInfo info = client.getBranch(session().tenant(client).id(), branch);
      refuseWhileInUse(info);
      client.deleteBranch(info.tenant(), info.timeline().toString());
      output().message("deleted branch " + branch);
    }
  }

  private void refuseWhileInUse(BranchInfo branch) throws StorageException {
    boolean inUse =
        new EndpointRegistry(session().config().dataDir(), session().clock())
            .find(branch.timeline())
            .filter(state -> !state.status().isFinal())
            .isPresent();
    if (inUse) {
      throw new StorageException.Precondition(
          "an endpoint is running on branch \"%s\": `coppice endpoint stop %s` first"
              .formatted(branch.name(), branch.name()));
    }
  }

  @Command(name = "layers", description = "Lists the layer files of a branch.")
  void layers(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      output().list(Columns.LAYER, client.listLayers(session().tenant(client).id(), branch));
    }
  }

  @Command(
      name = "flush",
      description = "Writes what is in memory to layer files, uploads them, and waits for that.")
  void flush(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      output().one(Columns.BRANCH_LONG, client.flushBranch(session().tenant(client).id(), branch));
    }
  }
}
