package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Ids;
import io.coppice.compute.endpoint.EndpointRegistry;
import io.coppice.compute.storage.BranchClient;
import io.coppice.compute.storage.BranchDifference;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.compute.storage.PageserverClient;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
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
          BranchPoint at,
      @ArgGroup @Nullable Expiry expiry)
      throws StorageException, CommandFailure {
    Optional<Instant> expiresAt =
        expiry == null ? Optional.empty() : expiry.time(session().clock().now());
    try (PageserverClient client = session().pageserver()) {
      TenantId tenant = session().tenant(client).id();
      TimelineId timeline = Ids.newTimelineId(Ids.secureRandom());
      long startedNanos = session().clock().monotonicNanos();
      BranchInfo branch = client.createBranch(tenant, timeline, name, parent, at, expiresAt);
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

  @Command(name = "get", aliases = "show", description = "Shows one branch.")
  void get(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      output().one(Columns.BRANCH_LONG, client.getBranch(session().tenant(client).id(), branch));
    }
  }

  /** When a branch ends, in one of two forms. */
  static final class Expiry {
    @Option(
        names = "--ttl",
        paramLabel = "TIME",
        description = "It ends after that time, such as 30min, 2h or 7d.")
    @Nullable Duration ttl;

    @Option(
        names = "--expires-at",
        paramLabel = "TIME",
        description = "It ends at that time, in RFC 3339.")
    @Nullable Instant expiresAt;

    Optional<Instant> time(Instant now) {
      return ttl == null ? Optional.ofNullable(expiresAt) : Optional.of(now.plus(ttl));
    }
  }

  /** Something that is done with a branch. */
  private interface Change {
    BranchInfo make(BranchClient branches, BranchInfo branch) throws StorageException;
  }

  private void change(String branch, boolean isFreeNeeded, Change change)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      BranchInfo before = client.getBranch(session().tenant(client).id(), branch);
      if (isFreeNeeded) {
        refuseWhileInUse(before);
      }
      output().one(Columns.BRANCH_LONG, change.make(client.branches(), before));
    }
  }

  @Command(
      name = "rename",
      description = "Gives a branch another name. An endpoint that runs on it goes on.")
  void rename(
      @Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch,
      @Parameters(paramLabel = "NAME", description = "The new name.") String name)
      throws StorageException, CommandFailure {
    change(branch, false, (branches, info) -> branches.rename(info.id(), name));
  }

  @Command(
      name = "protect",
      description = "Refuses to delete, restore, reset or end a branch from now on.")
  void protect(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    change(branch, false, (branches, info) -> branches.setProtected(info.id(), true));
  }

  @Command(name = "unprotect", description = "Takes protection back.")
  void unprotect(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    change(branch, false, (branches, info) -> branches.setProtected(info.id(), false));
  }

  @Command(
      name = "set",
      description = {
        "Sets when a branch ends.",
        "From then on it cannot be used; it can be recovered until it is deleted, a day later"
            + " unless pageserver.expiry_grace says otherwise."
      })
  void set(
      @Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch,
      @Option(
              names = "--expires",
              paramLabel = "TIME|never",
              required = true,
              description = "A time in RFC 3339, a time from now such as 2h, or never.")
          String expires)
      throws StorageException, CommandFailure {
    Optional<Instant> at = Converters.expiry(expires, session().clock().now());
    change(branch, false, (branches, info) -> branches.setExpiry(info.id(), at));
  }

  @Command(name = "recover", description = "Brings back a branch that has expired, without an end.")
  void recover(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    change(branch, false, (branches, info) -> branches.recover(info.id()));
  }

  @Command(
      name = "restore",
      description = {
        "Has a branch's name stand for an earlier state of it.",
        "Its present state stays, as a branch of its own with another name."
      })
  void restore(
      @Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch,
      @Option(
              names = "--to",
              paramLabel = "LSN|TIME",
              required = true,
              description = "The state to go back to: an LSN, or a time in RFC 3339.")
          BranchPoint to,
      @Option(
              names = "--keep-as",
              paramLabel = "NAME",
              description = "Name for the present state (default: the branch's name and the time).")
          @Nullable String keepAs)
      throws StorageException, CommandFailure {
    change(
        branch,
        true,
        (branches, info) ->
            branches.restore(
                info.id(), Ids.newTimelineId(Ids.secureRandom()), to, Optional.ofNullable(keepAs)));
  }

  @Command(
      name = "reset",
      description = {
        "Has a branch's name stand for the newest state of its parent.",
        "Its present state stays, as a branch of its own with another name."
      })
  void reset(
      @Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch,
      @Option(
              names = "--keep-as",
              paramLabel = "NAME",
              description = "Name for the present state (default: the branch's name and the time).")
          @Nullable String keepAs)
      throws StorageException, CommandFailure {
    change(
        branch,
        true,
        (branches, info) ->
            branches.reset(
                info.id(), Ids.newTimelineId(Ids.secureRandom()), Optional.ofNullable(keepAs)));
  }

  @Command(
      name = "diff",
      description = {
        "Shows which relations differ between the newest states of two branches.",
        "Takes time in proportion to what was written since they parted. A block counts if it"
            + " differs in more than its LSN and checksum."
      })
  void diff(
      @Parameters(paramLabel = "A", description = "A branch: name or id.") String a,
      @Parameters(paramLabel = "B", description = "Another one.") String b,
      @Option(names = "--stat", description = "Only the numbers of relations and blocks.")
          boolean isStat)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      BranchDifference found = client.branches().diff(session().tenant(client).id(), a, b);
      if (isStat) {
        output().one(Columns.DIFFERENCE, found);
      } else {
        output().list(Columns.RELATION_DIFFERENCE, found.relations());
      }
      output()
          .message(
              "%s at %s and %s at %s have been apart since %s of %s"
                  .formatted(
                      a, found.lsnA(), b, found.lsnB(), found.forkLsn(), found.ancestorName()));
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

  /** What is done about garbage other than to collect it: one of these. */
  static final class GarbageMode {
    @Option(names = "--dry-run", description = "Only shows what would go.")
    boolean isDryRun;

    @Option(
        names = "--block",
        paramLabel = "REASON",
        description = "Nothing goes from now on, not by itself either.")
    @Nullable String block;

    @Option(names = "--unblock", description = "Takes that back.")
    boolean isUnblocked;
  }

  @Command(
      name = "gc",
      description = "Drops history that need not be kept: layers that nobody can read any more.")
  void gc(
      @Parameters(
              paramLabel = "BRANCH",
              arity = "0..1",
              description = "Name or id (default: all branches that the tenant has now).")
          @Nullable String branch,
      @ArgGroup @Nullable GarbageMode mode)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      TenantId tenant = session().tenant(client).id();
      Optional<String> only = Optional.ofNullable(branch);
      if (mode != null && (mode.block != null || mode.isUnblocked)) {
        Optional<String> reason = Optional.ofNullable(mode.block);
        int count = client.branches().setGcBlock(tenant, only, reason);
        String state = reason.isPresent() ? "blocked" : "not blocked";
        output().text("gc", "%s for %d branches".formatted(state, count));
      } else {
        boolean isDryRun = mode != null && mode.isDryRun;
        output().list(Columns.GARBAGE, client.runGc(tenant, only, isDryRun));
      }
    }
  }

  /** Until when an LSN stays readable. */
  static final class LeaseEnd {
    @Option(
        names = "--for",
        paramLabel = "TIME",
        description = "So long from now, such as 2h or 30d; at most 366d.")
    @Nullable Duration duration;

    @Option(names = "--until", paramLabel = "TIME", description = "Until then, in RFC 3339.")
    @Nullable Instant until;

    @Option(names = "--release", description = "It need not stay so any longer.")
    boolean isRelease;

    Optional<Instant> time(Instant now) {
      return duration == null ? Optional.ofNullable(until) : Optional.of(now.plus(duration));
    }
  }

  @Command(
      name = "lease",
      description = {
        "Keeps a state of a branch readable until a time, whatever garbage collection would do.",
        "Lasts over restarts. `branch get` shows the leases of a branch."
      })
  void lease(
      @Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch,
      @Option(names = "--at", paramLabel = "LSN", description = "Which (default: the newest).")
          @Nullable Lsn at,
      @ArgGroup(multiplicity = "1") LeaseEnd end)
      throws StorageException, CommandFailure {
    if (end.isRelease && at == null) {
      throw new StorageException.Invalid("--release needs the LSN of the lease: --at LSN");
    }
    Optional<Instant> until = end.time(session().clock().now());
    Lsn lsn = at == null ? Lsn.INVALID : at;
    change(branch, false, (branches, info) -> branches.lease(info.id(), lsn, until));
  }

  @Command(
      name = "archive",
      description = {
        "Puts a branch away: it stays in the object store, and cannot be used.",
        "Not while it has branches that are not archived, or an endpoint runs on it."
      })
  void archive(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    change(branch, true, (branches, info) -> branches.setArchived(info.id(), true));
  }

  @Command(name = "unarchive", description = "Brings an archived branch back, after its parent.")
  void unarchive(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    change(branch, false, (branches, info) -> branches.setArchived(info.id(), false));
  }

  @Command(
      name = "detach",
      description = {
        "Makes a branch independent of its parent: what it shares with it is copied.",
        "History before the branch began can then be read neither through it nor through branches"
            + " made of it. The branch can be used meanwhile."
      })
  void detach(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      BranchInfo before = client.getBranch(session().tenant(client).id(), branch);
      BranchInfo after = client.branches().detach(before.id());
      output().one(Columns.BRANCH_LONG, after);
      output()
          .message(
              before
                  .ancestorName()
                  .map(parent ->
                      "%s does not need %s any more; it has no history before %s"
                          .formatted(after.name(), parent, after.startLsn()))
                  .orElse("%s has no parent; nothing was changed".formatted(after.name())));
    }
  }
}
