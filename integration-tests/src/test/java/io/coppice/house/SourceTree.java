package io.coppice.house;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** The files of the repository that a person wrote, with their text. */
final class SourceTree {
  private static final Set<String> NOT_WRITTEN_HERE = Set.of("target", ".git", ".idea");
  private static final Set<String> TEXT_SUFFIXES =
      Set.of("java", "xml", "md", "proto", "sh", "toml", "yml", "yaml", "properties", "py");
  private static final Set<String> TEXT_NAMES =
      Set.of("Makefile", "coppice", "run", "java-home", "Dockerfile");

  private final Path root;

  private SourceTree(Path root) {
    this.root = root;
  }

  /** The repository that the current directory is in. */
  static SourceTree find() {
    Path directory = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(directory.resolve(".mvn"))) {
      directory = directory.getParent();
      if (directory == null) {
        throw new IllegalStateException("no .mvn above the current directory");
      }
    }
    return new SourceTree(directory);
  }

  Path root() {
    return root;
  }

  /** All text files. */
  List<SourceFile> textFiles() {
    return files().stream().filter(SourceTree::isText).map(this::read).toList();
  }

  /** All Java files. */
  List<SourceFile> javaFiles() {
    return files().stream()
        .filter(file -> file.toString().endsWith(".java"))
        .map(this::read)
        .toList();
  }

  /** Directories of compiled main classes that are there. */
  List<Path> mainClassDirectories() {
    try (Stream<Path> modules = Files.list(root)) {
      return modules
          .map(module -> module.resolve("target/classes"))
          .filter(Files::isDirectory)
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<Path> files() {
    List<Path> found = new ArrayList<>();
    try {
      Files.walkFileTree(root, new WrittenFiles(root, found));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    found.sort(null);
    return found;
  }

  private static boolean isText(Path file) {
    String name = file.getFileName().toString();
    return TEXT_NAMES.contains(name)
        || TEXT_SUFFIXES.contains(name.substring(name.lastIndexOf('.') + 1));
  }

  private SourceFile read(Path file) {
    try {
      return new SourceFile(root.relativize(file).toString(), Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final class WrittenFiles extends SimpleFileVisitor<Path> {
    private final Path root;
    private final List<Path> found;

    WrittenFiles(Path root, List<Path> found) {
      this.root = root;
      this.found = found;
    }

    @Override
    public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
      // A package may be called target, a module's output directory is at most one level down.
      boolean nearTheRoot = root.relativize(directory).getNameCount() <= 2;
      return nearTheRoot && NOT_WRITTEN_HERE.contains(String.valueOf(directory.getFileName()))
          ? FileVisitResult.SKIP_SUBTREE
          : FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      if (attributes.isRegularFile()) {
        found.add(file);
      }
      return FileVisitResult.CONTINUE;
    }
  }
}
