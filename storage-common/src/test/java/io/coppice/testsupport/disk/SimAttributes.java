package io.coppice.testsupport.disk;

import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;

/** Kind and size of a file or directory; a simulated disk keeps no times. */
record SimAttributes(SimNode node) implements BasicFileAttributes {
  private static final FileTime NEVER = FileTime.fromMillis(0);

  @Override
  public FileTime lastModifiedTime() {
    return NEVER;
  }

  @Override
  public FileTime lastAccessTime() {
    return NEVER;
  }

  @Override
  public FileTime creationTime() {
    return NEVER;
  }

  @Override
  public boolean isRegularFile() {
    return node instanceof SimFile;
  }

  @Override
  public boolean isDirectory() {
    return node instanceof SimDirectory;
  }

  @Override
  public boolean isSymbolicLink() {
    return false;
  }

  @Override
  public boolean isOther() {
    return false;
  }

  @Override
  public long size() {
    return node instanceof SimFile file ? file.size() : 0;
  }

  @Override
  public Object fileKey() {
    return node;
  }
}
