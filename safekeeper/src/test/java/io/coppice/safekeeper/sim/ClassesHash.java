package io.coppice.safekeeper.sim;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** Tells whether two processes run the same code. */
final class ClassesHash {
  private ClassesHash() {}

  /** Of all classes in directories of the class path, and of the names of the archives in it. */
  static String ofClassPath() throws IOException {
    MessageDigest digest = newDigest();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path path = Path.of(entry);
      if (Files.isDirectory(path)) {
        addDirectory(digest, path);
      } else {
        add(digest, String.valueOf(path.getFileName()));
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void addDirectory(MessageDigest digest, Path directory) throws IOException {
    List<Path> classes;
    try (Stream<Path> all = Files.walk(directory)) {
      classes = all.filter(file -> file.toString().endsWith(".class")).sorted().toList();
    } catch (UncheckedIOException unreadable) {
      throw unreadable.getCause();
    }
    for (Path file : classes) {
      add(digest, directory.relativize(file).toString());
      digest.update(Files.readAllBytes(file));
    }
  }

  private static void add(MessageDigest digest, String name) {
    digest.update(name.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
  }

  private static MessageDigest newDigest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
