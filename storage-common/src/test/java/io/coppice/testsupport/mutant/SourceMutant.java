package io.coppice.testsupport.mutant;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * A mistake to plant: edits of production sources, compiled aside. The sources and what is released
 * know nothing of it.
 *
 * <p>In a file of a directory of them: what is wrong with it, then for each edit the source file,
 * what is there, exactly once, and what is to be there.
 *
 * @param name with its number in the list of mutants that must be caught
 */
public record SourceMutant(String name, String mistake, List<Edit> edits) {
  private static final String FILE = "--- ";
  private static final String BEFORE = "<<<<";
  private static final String AFTER = "====";
  private static final String END = ">>>>";

  /** Of one place in one file. */
  public record Edit(String file, String before, String after) {}

  /** All of a directory of the project, in order of name. */
  public static List<SourceMutant> all(String directory) throws IOException {
    List<SourceMutant> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(root().resolve(directory))) {
      for (Path file : files.sorted().toList()) {
        found.add(parse(file));
      }
    }
    return found;
  }

  private static SourceMutant parse(Path file) throws IOException {
    List<Edit> edits = new ArrayList<>();
    StringBuilder mistake = new StringBuilder();
    StringBuilder before = new StringBuilder();
    StringBuilder after = new StringBuilder();
    StringBuilder current = mistake;
    String source = "";
    for (String line : Files.readAllLines(file)) {
      if (line.startsWith(FILE)) {
        source = line.substring(FILE.length());
      } else if (line.equals(BEFORE)) {
        current = before;
      } else if (line.equals(AFTER)) {
        current = after;
      } else if (line.equals(END)) {
        edits.add(new Edit(source, before.toString(), after.toString()));
        before.setLength(0);
        after.setLength(0);
        current = mistake;
      } else {
        current.append(line).append('\n');
      }
    }
    String name = String.valueOf(file.getFileName()).replace(".txt", "");
    return new SourceMutant(name, mistake.toString().strip(), List.copyOf(edits));
  }

  /** Where the project is: tests run in the directory of their module. */
  private static Path root() {
    Path at = Path.of("").toAbsolutePath();
    while (at != null && !Files.exists(at.resolve("mvnw"))) {
      at = at.getParent();
    }
    if (at == null) {
      throw new IllegalStateException("not within the project: " + Path.of("").toAbsolutePath());
    }
    return at;
  }

  /**
   * Compiles what is changed, and gives a loader in which all else is as it is. Nothing of the
   * project is shared with this one's classes; libraries are, since native ones are loaded once.
   *
   * @param directory for sources and classes
   */
  public URLClassLoader plant(Path directory) throws IOException {
    Path classes = Files.createDirectories(directory.resolve("classes"));
    List<String> arguments = new ArrayList<>(List.of("-nowarn", "-proc:none", "-d"));
    arguments.add(classes.toString());
    arguments.add("-cp");
    arguments.add(System.getProperty("java.class.path"));
    for (Edit edit : edits) {
      Path changed = directory.resolve("sources").resolve(edit.file);
      Path original = Files.exists(changed) ? changed : root().resolve(edit.file);
      String text = Files.readString(original);
      int at = text.indexOf(edit.before);
      if (at < 0 || text.indexOf(edit.before, at + 1) >= 0) {
        throw new IllegalStateException(
            "%s: what it changes is not in %s exactly once:%n%s"
                .formatted(name, edit.file, edit.before));
      }
      Files.createDirectories(changed.getParent());
      Files.writeString(changed, text.replace(edit.before, edit.after));
      if (!arguments.contains(changed.toString())) {
        arguments.add(changed.toString());
      }
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    if (compiler.run(null, null, null, arguments.toArray(String[]::new)) != 0) {
      throw new IllegalStateException(name + " does not compile");
    }
    List<URL> path = new ArrayList<>(List.of(classes.toUri().toURL()));
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      path.add(Path.of(entry).toUri().toURL());
    }
    return new OwnClasses(path.toArray(URL[]::new));
  }

  /** Classes of the project are its own. */
  private static final class OwnClasses extends URLClassLoader {
    OwnClasses(URL[] path) {
      super(path, SourceMutant.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith("io.coppice.")) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        return loaded == null ? findClass(name) : loaded;
      }
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
