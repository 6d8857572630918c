package io.coppice.testsupport.disk;

import io.coppice.testsupport.disk.DiskFaults.Operation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** An open file, or a directory that is opened to be synced. */
final class SimFileChannel extends FileChannel {
  private final SimDisk disk;
  private final SimPath path;
  private final SimNode node;
  private long position;

  SimFileChannel(SimDisk disk, SimPath path, SimNode node) {
    this.disk = disk;
    this.path = path;
    this.node = node;
  }

  private SimFile file() throws IOException {
    if (!isOpen()) {
      throw new ClosedChannelException();
    }
    if (node instanceof SimFile file) {
      return file;
    }
    throw new IOException(path + " is a directory");
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    int count = read(into, position);
    position += Math.max(count, 0);
    return count;
  }

  @Override
  public long read(ByteBuffer[] into, int offset, int length) throws IOException {
    long total = 0;
    for (int i = offset; i < offset + length; i++) {
      total += Math.max(read(into[i]), 0);
    }
    return total;
  }

  @Override
  public int read(ByteBuffer into, long at) throws IOException {
    SimFile file = file();
    disk.before(Operation.READ, path);
    return file.read(into, at);
  }

  @Override
  public int write(ByteBuffer from) throws IOException {
    int count = write(from, position);
    position += count;
    return count;
  }

  @Override
  public long write(ByteBuffer[] from, int offset, int length) throws IOException {
    long total = 0;
    for (int i = offset; i < offset + length; i++) {
      total += write(from[i]);
    }
    return total;
  }

  @Override
  public int write(ByteBuffer from, long at) throws IOException {
    SimFile file = file();
    disk.before(Operation.WRITE, path);
    int count = file.write(from, at);
    disk.after(Operation.WRITE, path);
    return count;
  }

  @Override
  public long position() {
    return position;
  }

  @Override
  public FileChannel position(long newPosition) {
    position = newPosition;
    return this;
  }

  @Override
  public long size() throws IOException {
    return file().size();
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    SimFile file = file();
    disk.before(Operation.TRUNCATE, path);
    file.truncate(size);
    disk.after(Operation.TRUNCATE, path);
    return this;
  }

  @Override
  public void force(boolean metaData) throws IOException {
    Operation sync = node instanceof SimFile ? Operation.SYNC_FILE : Operation.SYNC_DIRECTORY;
    try {
      disk.before(sync, path);
    } catch (IOException failure) {
      if (node instanceof SimFile file) {
        file.failSync();
      }
      throw failure;
    }
    switch (node) {
      case SimFile file -> file.sync();
      case SimDirectory directory -> directory.sync();
    }
    disk.after(sync, path);
  }

  @Override
  public long transferTo(long at, long count, WritableByteChannel target) {
    throw new UnsupportedOperationException("transferTo");
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long at, long count) {
    throw new UnsupportedOperationException("transferFrom");
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long at, long size) {
    throw new UnsupportedOperationException("a simulated disk cannot be mapped");
  }

  @Override
  public FileLock lock(long at, long size, boolean shared) {
    return new Lock(this, at, size, shared);
  }

  @Override
  public FileLock tryLock(long at, long size, boolean shared) {
    return new Lock(this, at, size, shared);
  }

  @Override
  protected void implCloseChannel() {}

  /** Who has a simulated disk is alone with it. */
  private static final class Lock extends FileLock {
    Lock(FileChannel channel, long position, long size, boolean shared) {
      super(channel, position, size, shared);
    }

    @Override
    public boolean isValid() {
      return acquiredBy().isOpen();
    }

    @Override
    public void release() {}
  }
}
