package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.DurableFiles;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.compute.postgres.ReachableDirectory;
import io.coppice.compute.postgres.RunAs;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The files of one run. Each start gets a directory of its own, so that a newer endpoint never
 * shares files with an older one that is just being fenced.
 *
 * <pre>
 *   endpoints/TIMELINE/RUN/endpoint.json   what other processes see
 *                          postgres.log
 *                          data/           of Postgres; elsewhere if its user cannot come here
 * </pre>
 */
record RunDirectory(Path path, TimelineId timeline, int run) {
  private static final String STATE_FILE = "endpoint.json";
  private static final int ATTEMPTS_MAX = 100;

  /** Where the runs of all endpoints of a machine are. */
  static Path root(Path dataDirectory) {
    return dataDirectory.resolve("endpoints");
  }

  /** The runs of one branch's endpoint, newest first. */
  static List<RunDirectory> list(Path root, TimelineId timeline) throws StorageException {
    Path parent = root.resolve(timeline.toString());
    List<RunDirectory> runs = new ArrayList<>();
    for (String name : names(parent)) {
      if (name.matches("[1-9][0-9]{0,8}")) {
        runs.add(new RunDirectory(parent.resolve(name), timeline, Integer.parseInt(name)));
      }
    }
    runs.sort(Comparator.comparingInt(RunDirectory::run).reversed());
    return runs;
  }

  /** The branches that have runs here. */
  static List<TimelineId> timelines(Path root) throws StorageException {
    List<TimelineId> timelines = new ArrayList<>();
    for (String name : names(root)) {
      if (name.matches("[0-9a-f]{32}")) {
        timelines.add(TimelineId.parse(name));
      }
    }
    return timelines;
  }

  private static List<String> names(Path directory) throws StorageException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    } catch (NoSuchFileException _) {
      return List.of();
    } catch (IOException e) {
      throw new StorageException.Transient("cannot list %s: %s".formatted(directory, e), e);
    }
  }

  /** Makes the directory of a new run. */
  static RunDirectory create(Path root, TimelineId timeline) throws StorageException {
    Path parent = root.resolve(timeline.toString());
    try {
      ReachableDirectory.createPassable(parent);
      for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        List<RunDirectory> runs = list(root, timeline);
        int next = runs.isEmpty() ? 1 : runs.getFirst().run() + 1;
        Path path = parent.resolve(Integer.toString(next));
        try {
          Files.createDirectory(path);
          Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx--x--x"));
          return new RunDirectory(path, timeline, next);
        } catch (FileAlreadyExistsException _) {
          // Another start was first: take the next number.
        }
      }
    } catch (IOException e) {
      throw new StorageException.Precondition(
          "cannot make a directory for an endpoint in %s: %s".formatted(parent, e));
    }
    throw new StorageException.Transient("too many endpoints start at once in " + parent);
  }

  Path log() {
    return path.resolve("postgres.log");
  }

  /** Where Postgres's data would be, if its user can come here. */
  Path defaultData() {
    return path.resolve("data");
  }

  /** Makes an empty directory for Postgres's data that its user owns. */
  Path createData(RunAs runAs) throws StorageException, InterruptedException {
    Path parent = ReachableDirectory.create(runAs, path, elsewhere());
    Path data = parent.resolve("data");
    try {
      DirectoryTrees.delete(data);
      return Files.createDirectory(data);
    } catch (IOException e) {
      throw new StorageException.Precondition(
          "cannot make a directory for Postgres in %s: %s".formatted(parent, e));
    }
  }

  void write(EndpointState state) throws StorageException {
    try {
      DurableFiles.replace(path.resolve(STATE_FILE), EndpointStateCodec.encode(state));
    } catch (IOException e) {
      throw new StorageException.Transient(
          "cannot write the state of the endpoint in %s: %s".formatted(path, e), e);
    }
  }

  /** Empty before the first state is written. */
  Optional<EndpointState> read() throws StorageException {
    Path file = path.resolve(STATE_FILE);
    try {
      return Optional.of(EndpointStateCodec.decode(Files.readAllBytes(file), file));
    } catch (NoSuchFileException _) {
      return Optional.empty();
    } catch (IOException e) {
      throw new StorageException.Transient("cannot read %s: %s".formatted(file, e), e);
    }
  }

  /**
   * Deletes the data, wherever it is, and what Postgres put into locations of tablespaces. The path
   * may have come out of a file: one that no run of ours can have is left alone.
   */
  void deleteData(Path data) throws StorageException {
    if (!data.equals(defaultData()) && !data.endsWith(elsewhere() + "/data")) {
      throw new StorageException.Corrupt(
          "%s names %s as its data, which is none of its own".formatted(path, data));
    }
    TablespaceLocations.delete(data);
    try {
      DirectoryTrees.delete(data);
      if (!data.equals(defaultData())) {
        DirectoryTrees.delete(data.resolve("..").normalize());
      }
    } catch (IOException e) {
      throw new StorageException.Transient("cannot delete %s: %s".formatted(data, e), e);
    }
  }

  void delete() throws StorageException {
    try {
      DirectoryTrees.delete(path);
    } catch (IOException e) {
      throw new StorageException.Transient("cannot delete %s: %s".formatted(path, e), e);
    }
  }

  private String elsewhere() {
    return "endpoints/%s-%d".formatted(timeline, run);
  }
}
