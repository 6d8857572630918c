package io.coppice.compute.postgres;

import com.sun.security.auth.module.UnixSystem;
import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The user that Postgres runs as. Postgres refuses root; so if we are root, its programs run as an
 * unprivileged user, who must be able to reach its binaries and own its data.
 *
 * <p>The user is switched by {@code setpriv}, which also has the kernel tell Postgres to quit if we
 * die; where there is only {@code runuser} or {@code su}, a Postgres may outlive us and is stopped
 * by the next start.
 */
public final class RunAs {
  private static final List<String> DEFAULT_USERS = List.of("postgres", "nobody");
  private static final long PROBE_TIMEOUT_MILLIS = 10_000;
  private static final long OWN_TIMEOUT_MILLIS = 600_000;
  private static final long ROOT_UID = 0;

  /** By what means another user, or a signal at our death, is had. */
  private enum Means {
    SETPRIV,
    RUNUSER,
    SU,
    NONE
  }

  /** The account that is switched to. */
  private record Account(String name, int uid, int gid) {}

  private final @Nullable Account account;
  private final Means means;

  private RunAs(@Nullable Account account, Means means) {
    this.account = account;
    this.means = means;
  }

  /**
   * Chooses the user.
   *
   * @param requested by name; else {@code postgres}, or {@code nobody} where there is none. Must be
   *     empty, or ourselves, unless we are root
   * @throws StorageException.Precondition if there is no such user or we cannot become it
   */
  public static RunAs resolve(Optional<String> requested)
      throws StorageException, InterruptedException {
    UnixSystem self = new UnixSystem();
    if (self.getUid() != ROOT_UID) {
      if (requested.isPresent() && !requested.get().equals(self.getUsername())) {
        throw new StorageException.Precondition(
            "only root can run Postgres as another user (asked for \"%s\", this is \"%s\")"
                .formatted(requested.get(), self.getUsername()));
      }
      boolean setpriv = works(List.of("setpriv", "--pdeathsig", "QUIT", "true"));
      return new RunAs(null, setpriv ? Means.SETPRIV : Means.NONE);
    }
    Account account = account(requested);
    for (Means means : List.of(Means.SETPRIV, Means.RUNUSER, Means.SU)) {
      RunAs candidate = new RunAs(account, means);
      if (works(candidate.command(List.of("true")))) {
        return candidate;
      }
    }
    throw new StorageException.Precondition(
        "Postgres does not run as root, and neither setpriv, runuser nor su could switch to user"
            + " \"%s\"".formatted(account.name()));
  }

  private static Account account(Optional<String> requested)
      throws StorageException, InterruptedException {
    List<String> candidates = requested.map(List::of).orElse(DEFAULT_USERS);
    for (String name : candidates) {
      Optional<Integer> uid = id("-u", name);
      Optional<Integer> gid = id("-g", name);
      if (uid.isPresent() && gid.isPresent()) {
        if (uid.get() == ROOT_UID) {
          throw new StorageException.Precondition(
              "Postgres does not run as root; name an unprivileged user, not \"" + name + "\"");
        }
        return new Account(name, uid.get(), gid.get());
      }
    }
    throw new StorageException.Precondition(
        "Postgres does not run as root, and this machine has no user %s"
            .formatted(String.join(" or ", candidates)));
  }

  private static Optional<Integer> id(String option, String name) throws InterruptedException {
    try {
      Commands.Result result =
          Commands.run(List.of("id", option, "--", name), PROBE_TIMEOUT_MILLIS);
      return result.succeeded() ? Optional.of(Integer.parseInt(result.output())) : Optional.empty();
    } catch (IOException | NumberFormatException _) {
      return Optional.empty();
    }
  }

  private static boolean works(List<String> command) throws InterruptedException {
    try {
      return Commands.run(command, PROBE_TIMEOUT_MILLIS).succeeded();
    } catch (IOException _) {
      return false;
    }
  }

  /** Whether this is another user than we are. */
  public boolean switchesUser() {
    return account != null;
  }

  /** The command line that runs a program as this user. */
  List<String> command(List<String> program) {
    List<String> command = new ArrayList<>();
    if (account != null) {
      command.addAll(
          switch (means) {
            case SETPRIV ->
                List.of(
                    "setpriv",
                    "--reuid=" + account.uid(),
                    "--regid=" + account.gid(),
                    "--clear-groups",
                    "--");
            case RUNUSER -> List.of("runuser", "-u", account.name(), "--");
            case SU ->
                List.of("su", "-s", "/bin/sh", account.name(), "-c", "exec \"$0\" \"$@\"", "--");
            case NONE -> List.of();
          });
    }
    command.addAll(program);
    return command;
  }

  /** The same for a server: it is told to quit when the thread that started it ends. */
  List<String> serverCommand(List<String> program) {
    if (means != Means.SETPRIV) {
      return command(program);
    }
    List<String> command = new ArrayList<>(command(List.of()));
    if (command.isEmpty()) {
      command.addAll(List.of("setpriv", "--"));
    }
    command.addAll(1, List.of("--pdeathsig", "QUIT"));
    command.addAll(program);
    return command;
  }

  /** Whether this user can enter a directory, through all those above it. */
  public boolean canEnter(Path directory) throws InterruptedException {
    if (account == null) {
      return Files.isExecutable(directory);
    }
    return works(command(List.of("/bin/sh", "-c", "cd -- \"$1\"", "sh", directory.toString())));
  }

  /**
   * Refuses a directory that this user cannot enter.
   *
   * @param what is in it, for the message
   */
  public void requireEntry(Path directory, String what)
      throws StorageException, InterruptedException {
    if (!canEnter(directory)) {
      throw new StorageException.Precondition(
          "%s in %s cannot be reached by user \"%s\", who runs Postgres: give a directory that others may enter (such as one below /var/lib), or allow it with chmod o+x on the directories above it"
              .formatted(what, directory, this));
    }
  }

  /** Hands a directory and all in it to this user. */
  public void own(Path tree) throws IOException {
    if (account == null) {
      return;
    }
    // A thousand files: this process, fresh as it is, would take longer than another program does.
    String owner = "%d:%d".formatted(account.uid(), account.gid());
    try {
      Commands.Result result =
          Commands.run(
              List.of("chown", "-R", "-h", owner, "--", tree.toString()), OWN_TIMEOUT_MILLIS);
      if (!result.succeeded()) {
        throw new IOException("chown of %s: %s".formatted(tree, result.output()));
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while " + tree + " changed hands");
    }
  }

  /** The user's name. */
  @Override
  public String toString() {
    return account != null ? account.name() : new UnixSystem().getUsername();
  }
}
