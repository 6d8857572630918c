package io.coppice.house;

/** One file: its path from the root of the repository, with forward slashes, and its text. */
record SourceFile(String path, String text) {

  int lineCount() {
    return (int) text.lines().count();
  }

  boolean isMainJava() {
    return path.contains("/src/main/java/");
  }

  boolean isTestJava() {
    return path.contains("/src/test/java/");
  }

  boolean isPackageInfo() {
    return path.endsWith("/package-info.java");
  }

  /** The directory, without the last slash. */
  String directory() {
    return path.contains("/") ? path.substring(0, path.lastIndexOf('/')) : "";
  }
}
