package io.coppice.it;

import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The forks of relations in a data directory, as their files. */
final class RelationFiles {
  static final int PAGE_SIZE_BYTES = 8192;
  private static final int SEGMENT_PAGES = 131_072;

  /**
   * Relation number, fork if not main; segments after the first and temporary ones do not match.
   */
  private static final Pattern NAME = Pattern.compile("(\\d+)(?:_(fsm|vm|init))?");

  private static final Pattern TEMPORARY = Pattern.compile("t\\d+_\\d+.*");

  private RelationFiles() {}

  /** One fork: its tag, its first segment's path below the data directory, and its blocks. */
  record ForkFile(RelationTag tag, String path, int blocks) {

    Fork fork() {
      return Fork.of(tag.fork());
    }

    /** The path of the relation's main fork, as {@code pg_relation_filepath} gives it. */
    String mainPath() {
      return path.contains("_") ? path.substring(0, path.indexOf('_')) : path;
    }

    byte[] read(Path dataDirectory) throws IOException {
      try (Stream<Path> segments = Files.list(dataDirectory.resolve(path).getParent())) {
        String name = Path.of(path).getFileName().toString();
        if (segments.anyMatch(file -> file.getFileName().toString().equals(name + ".1"))) {
          throw new IOException(path + " has more than one segment: the load is too large");
        }
      }
      return Files.readAllBytes(dataDirectory.resolve(path));
    }
  }

  /** All forks of all databases, temporary relations left out. */
  static List<ForkFile> list(Path dataDirectory) throws IOException {
    List<ForkFile> forks = new ArrayList<>();
    collect(dataDirectory, "global", RelationTag.GLOBAL_TABLESPACE_OID, 0, forks);
    for (int database : databases(dataDirectory)) {
      collect(
          dataDirectory, "base/" + database, RelationTag.DEFAULT_TABLESPACE_OID, database, forks);
    }
    return forks;
  }

  /** Oids of the databases in the default tablespace. */
  static Set<Integer> databases(Path dataDirectory) throws IOException {
    Set<Integer> oids = new TreeSet<>();
    try (Stream<Path> directories = Files.list(dataDirectory.resolve("base"))) {
      directories
          .map(directory -> directory.getFileName().toString())
          .filter(name -> name.matches("\\d+"))
          .forEach(name -> oids.add(Integer.valueOf(name)));
    }
    return oids;
  }

  private static void collect(
      Path dataDirectory, String directory, int tablespace, int database, List<ForkFile> forks)
      throws IOException {
    try (Stream<Path> files = Files.list(dataDirectory.resolve(directory))) {
      for (Path file : files.sorted().toList()) {
        String name = file.getFileName().toString();
        Matcher matcher = NAME.matcher(name);
        if (TEMPORARY.matcher(name).matches() || !matcher.matches()) {
          continue;
        }
        long sizeBytes = Files.size(file);
        if (sizeBytes % PAGE_SIZE_BYTES != 0
            || sizeBytes >= (long) SEGMENT_PAGES * PAGE_SIZE_BYTES) {
          throw new IOException("%s has %d bytes".formatted(file, sizeBytes));
        }
        forks.add(
            new ForkFile(
                new RelationTag(
                    tablespace,
                    database,
                    Integer.parseUnsignedInt(matcher.group(1)),
                    fork(matcher)),
                directory + "/" + name,
                (int) (sizeBytes / PAGE_SIZE_BYTES)));
      }
    }
  }

  private static int fork(Matcher name) {
    for (Fork fork : Fork.values()) {
      if (fork != Fork.MAIN && fork.suffix().equals(name.group(2))) {
        return fork.number();
      }
    }
    return Fork.MAIN.number();
  }
}
