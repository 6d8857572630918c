package io.coppice.it.mutation;

import io.coppice.postgres.redo.PageRedo;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The byte code of redo and of what proves it, and the points in redo to mutate. */
final class RedoClasses {
  private static final String POSTGRES = "io/coppice/postgres/";
  private static final String REDO = "io.coppice.postgres.redo.";

  /** Pages too, so that loops in them that have a wrong bound end. */
  private static final List<String> FRESH = List.of("redo", "page", "verify");

  private final Map<String, byte[]> originals = new TreeMap<>();
  private final Map<String, byte[]> bounded = new HashMap<>();
  private final List<MutationPoint> points = new ArrayList<>();

  RedoClasses() throws IOException, URISyntaxException {
    Path code = Path.of(PageRedo.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    if (Files.isDirectory(code)) {
      read(code);
    } else {
      try (FileSystem jar = FileSystems.newFileSystem(code)) {
        read(jar.getPath("/"));
      }
    }
    String replay = VerifierReplay.class.getName();
    try (InputStream in =
        RedoClasses.class
            .getClassLoader()
            .getResourceAsStream(replay.replace('.', '/') + ".class")) {
      originals.put(replay, in.readAllBytes());
    }
    originals.forEach((name, classFile) -> {
      bounded.put(name, ClassRewriter.bounded(classFile));
      if (name.startsWith(REDO)) {
        points.addAll(ClassRewriter.points(classFile));
      }
    });
  }

  private void read(Path root) throws IOException {
    for (String packageName : FRESH) {
      try (Stream<Path> files = Files.list(root.resolve(POSTGRES + packageName))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
          String path = root.relativize(file).toString();
          String name = path.substring(0, path.length() - ".class".length()).replace('/', '.');
          originals.put(name, Files.readAllBytes(file));
        }
      }
    }
  }

  /** All points in redo, class by class. */
  List<MutationPoint> points() {
    return points;
  }

  /** The classes as they are, telling which points they reach: places in the list of points. */
  FreshClasses probed() {
    Map<String, Map<Integer, Integer>> places = new HashMap<>();
    for (int place = 0; place < points.size(); place++) {
      MutationPoint point = points.get(place);
      places
          .computeIfAbsent(point.className(), _ -> new HashMap<>())
          .put(point.instruction(), place);
    }
    Map<String, byte[]> classFiles = new HashMap<>(originals);
    places.forEach(
        (name, ofClass) -> classFiles.put(name, ClassRewriter.probed(original(name), ofClass)));
    return new FreshClasses(classFiles);
  }

  /** The classes with a defect at a point. */
  FreshClasses mutated(MutationPoint point) {
    Map<String, byte[]> classFiles = new HashMap<>(bounded);
    classFiles.put(point.className(), ClassRewriter.mutated(original(point.className()), point));
    return new FreshClasses(classFiles);
  }

  private byte[] original(String name) {
    return Objects.requireNonNull(originals.get(name));
  }
}
