package io.coppice.testsupport.disk;

import io.coppice.testsupport.disk.DiskFaults.Operation;
import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.spi.FileSystemProvider;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@link java.nio.file.Files} calls, for one {@link SimDisk}. */
final class SimFileSystemProvider extends FileSystemProvider {
  static final String SCHEME = "simdisk";

  private final SimDisk disk;

  SimFileSystemProvider(SimDisk disk) {
    this.disk = disk;
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public FileSystem newFileSystem(URI uri, Map<String, ?> env) {
    throw new UnsupportedOperationException("made by SimDisk");
  }

  @Override
  public FileSystem getFileSystem(URI uri) {
    throw new UnsupportedOperationException("made by SimDisk");
  }

  @Override
  public Path getPath(URI uri) {
    throw new UnsupportedOperationException("made by SimDisk");
  }

  @Override
  public SeekableByteChannel newByteChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
      throws IOException {
    return newFileChannel(path, options, attributes);
  }

  @Override
  public FileChannel newFileChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
      throws IOException {
    SimPath file = (SimPath) path;
    SimNode node = disk.find(file);
    boolean createsNew = options.contains(StandardOpenOption.CREATE_NEW);
    if (node != null && createsNew) {
      throw new FileAlreadyExistsException(path.toString());
    }
    if (node == null) {
      if (!createsNew && !options.contains(StandardOpenOption.CREATE)) {
        throw new NoSuchFileException(path.toString());
      }
      disk.before(Operation.CREATE, file);
      node = new SimFile();
      disk.parentOf(file).put(disk.nameOf(file), node, new SimDirectory.Change());
      disk.after(Operation.CREATE, file);
    }
    SimFileChannel channel = new SimFileChannel(disk, file, node);
    if (options.contains(StandardOpenOption.TRUNCATE_EXISTING) && channel.size() > 0) {
      channel.truncate(0);
    }
    return channel;
  }

  @Override
  public DirectoryStream<Path> newDirectoryStream(
      Path directory, DirectoryStream.Filter<? super Path> filter) throws IOException {
    SimNode node = disk.find((SimPath) directory);
    if (node == null) {
      throw new NoSuchFileException(directory.toString());
    }
    if (!(node instanceof SimDirectory found)) {
      throw new NotDirectoryException(directory.toString());
    }
    List<Path> accepted = new ArrayList<>();
    for (String name : found.names()) {
      Path child = directory.resolve(name);
      if (filter.accept(child)) {
        accepted.add(child);
      }
    }
    return new DirectoryStream<>() {
      @Override
      public Iterator<Path> iterator() {
        return accepted.iterator();
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public void createDirectory(Path path, FileAttribute<?>... attributes) throws IOException {
    SimPath directory = (SimPath) path;
    if (disk.find(directory) != null) {
      throw new FileAlreadyExistsException(path.toString());
    }
    SimDirectory parent = disk.parentOf(directory);
    disk.before(Operation.CREATE_DIRECTORY, directory);
    parent.put(disk.nameOf(directory), new SimDirectory(), new SimDirectory.Change());
    disk.after(Operation.CREATE_DIRECTORY, directory);
  }

  @Override
  public void delete(Path path) throws IOException {
    SimPath file = (SimPath) path;
    SimNode node = disk.find(file);
    if (node == null) {
      throw new NoSuchFileException(path.toString());
    }
    if (node instanceof SimDirectory directory && !directory.isEmpty()) {
      throw new DirectoryNotEmptyException(path.toString());
    }
    disk.before(Operation.DELETE, file);
    disk.parentOf(file).remove(disk.nameOf(file), new SimDirectory.Change());
    disk.after(Operation.DELETE, file);
  }

  @Override
  public void copy(Path source, Path target, CopyOption... options) {
    throw new UnsupportedOperationException("copy");
  }

  @Override
  public void move(Path source, Path target, CopyOption... options) throws IOException {
    SimPath from = (SimPath) source;
    SimPath to = (SimPath) target;
    SimNode node = disk.find(from);
    if (node == null) {
      throw new NoSuchFileException(source.toString());
    }
    SimNode there = disk.find(to);
    boolean replaces =
        List.of(options).contains(StandardCopyOption.REPLACE_EXISTING)
            || List.of(options).contains(StandardCopyOption.ATOMIC_MOVE);
    if (there != null && !replaces) {
      throw new FileAlreadyExistsException(target.toString());
    }
    if (there instanceof SimDirectory directory && !directory.isEmpty()) {
      throw new DirectoryNotEmptyException(target.toString());
    }
    disk.before(Operation.RENAME, to);
    SimDirectory.Change change = new SimDirectory.Change();
    SimDirectory left = disk.parentOf(from);
    SimDirectory entered = disk.parentOf(to);
    if (left == entered) {
      left.rename(disk.nameOf(from), disk.nameOf(to), change);
    } else {
      left.remove(disk.nameOf(from), change);
      entered.put(disk.nameOf(to), node, change);
    }
    disk.after(Operation.RENAME, to);
  }

  @Override
  public boolean isSameFile(Path path, Path other) {
    return path.equals(other);
  }

  @Override
  public boolean isHidden(Path path) {
    return false;
  }

  @Override
  public FileStore getFileStore(Path path) {
    throw new UnsupportedOperationException("getFileStore");
  }

  @Override
  public void checkAccess(Path path, AccessMode... modes) throws IOException {
    if (disk.find((SimPath) path) == null) {
      throw new NoSuchFileException(path.toString());
    }
  }

  @Override
  public <V extends FileAttributeView> @Nullable V getFileAttributeView(
      Path path, Class<V> type, LinkOption... options) {
    return null;
  }

  @Override
  public <A extends BasicFileAttributes> A readAttributes(
      Path path, Class<A> type, LinkOption... options) throws IOException {
    SimNode node = disk.find((SimPath) path);
    if (node == null) {
      throw new NoSuchFileException(path.toString());
    }
    return type.cast(new SimAttributes(node));
  }

  @Override
  public <A extends BasicFileAttributes> @Nullable A readAttributesIfExists(
      Path path, Class<A> type, LinkOption... options) {
    SimNode node = disk.find((SimPath) path);
    return node == null ? null : type.cast(new SimAttributes(node));
  }

  @Override
  public boolean exists(Path path, LinkOption... options) {
    return disk.find((SimPath) path) != null;
  }

  @Override
  public Map<String, Object> readAttributes(Path path, String attributes, LinkOption... options) {
    throw new UnsupportedOperationException("attributes by name");
  }

  @Override
  public void setAttribute(Path path, String attribute, Object value, LinkOption... options) {
    throw new UnsupportedOperationException("setAttribute");
  }
}
