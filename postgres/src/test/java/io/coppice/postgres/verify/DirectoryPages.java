package io.coppice.postgres.verify;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.version.PostgresVersion;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;

/** Pages of a stopped server's data directory. */
final class DirectoryPages implements BasePages {
  private final Path directory;

  DirectoryPages(Path directory) {
    this.directory = directory;
  }

  @Override
  public boolean read(RelationTag fork, int block, byte[] page) throws StorageException {
    Path file = file(fork, block / PostgresVersion.PAGES_PER_RELATION_SEGMENT);
    long offset = (long) (block % PostgresVersion.PAGES_PER_RELATION_SEGMENT) * Page.SIZE_BYTES;
    if (!Files.exists(file)) {
      return false;
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      if (in.length() < offset + Page.SIZE_BYTES) {
        return false;
      }
      in.seek(offset);
      in.readFully(page);
      return true;
    } catch (IOException e) {
      throw new StorageException.Transient("cannot read " + file, e);
    }
  }

  private Path file(RelationTag fork, int segment) {
    Path database =
        fork.spcOid() == RelationTag.GLOBAL_TABLESPACE_OID
            ? directory.resolve("global")
            : directory.resolve("base").resolve(Integer.toString(fork.dbOid()));
    String suffix = fork.fork() == 0 ? "" : "_" + Fork.of(fork.fork()).suffix();
    return database.resolve(fork.relNumber() + suffix + (segment == 0 ? "" : "." + segment));
  }
}
