package io.coppice.postgres.compress;

import static io.coppice.postgres.version.PostgresVersion.PAGE_SIZE_BYTES;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;
import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;
import java.util.Arrays;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/** Makes pages of the images in WAL, which lack their hole and may be compressed. Thread safe. */
public final class FullPageImages {
  private static final LZ4SafeDecompressor LZ4 = LZ4Factory.safeInstance().safeDecompressor();

  private FullPageImages() {}

  /**
   * Restores the image of a block. The page's LSN stays that of the image; the caller sets it.
   *
   * @param page the whole page; its content is undefined after a failure
   */
  public static void restore(WalRecord record, int blockId, byte[] page)
      throws StorageException.Corrupt {
    if (!record.hasBlock(blockId) || !record.blockHasImage(blockId)) {
      throw new StorageException.Corrupt("%s: block %d has no image".formatted(record, blockId));
    }
    try {
      restore(
          record.bytes(),
          record.blockImageOffset(blockId),
          record.blockImageLength(blockId),
          record.blockImageInfo(blockId),
          record.blockHoleOffset(blockId),
          record.blockHoleLength(blockId),
          page);
    } catch (StorageException.Corrupt e) {
      throw new StorageException.Corrupt(
          "%s: image of block %d: %s".formatted(record, blockId, e.getMessage()), e);
    }
  }

  /**
   * Restores an image that is held elsewhere.
   *
   * @param imageInfo {@code WalRecord.IMAGE_...} flags
   * @param page the whole page; its content is undefined after a failure
   */
  public static void restore(
      byte[] source,
      int imageOffset,
      int imageLength,
      int imageInfo,
      int holeOffset,
      int holeLength,
      byte[] page)
      throws StorageException.Corrupt {
    if (page.length != PAGE_SIZE_BYTES) {
      throw new IllegalArgumentException("not a page: " + page.length + " bytes");
    }
    if (imageOffset < 0 || imageLength < 0 || imageLength > source.length - imageOffset) {
      throw new StorageException.Corrupt(
          "image of %d bytes at %d: expected within %d"
              .formatted(imageLength, imageOffset, source.length));
    }
    if (holeOffset < 0 || holeLength < 0 || holeOffset + (long) holeLength > PAGE_SIZE_BYTES) {
      throw new StorageException.Corrupt(
          "hole of %d bytes at %d: expected within a page".formatted(holeLength, holeOffset));
    }
    int kept = PAGE_SIZE_BYTES - holeLength;
    decompress(source, imageOffset, imageLength, imageInfo, page, kept);
    System.arraycopy(page, holeOffset, page, holeOffset + holeLength, kept - holeOffset);
    Arrays.fill(page, holeOffset, holeOffset + holeLength, (byte) 0);
  }

  /** Fills the first {@code kept} bytes of the page. */
  private static void decompress(
      byte[] source, int offset, int length, int imageInfo, byte[] page, int kept)
      throws StorageException.Corrupt {
    switch (imageInfo & WalRecord.IMAGE_COMPRESSED_MASK) {
      case 0 -> {
        checkLength("image", kept, length);
        System.arraycopy(source, offset, page, 0, kept);
      }
      case WalRecord.IMAGE_COMPRESSED_PGLZ -> Pglz.decompress(source, offset, length, page, kept);
      case WalRecord.IMAGE_COMPRESSED_LZ4 -> {
        try {
          checkLength("lz4", kept, LZ4.decompress(source, offset, length, page, 0, kept));
        } catch (LZ4Exception e) {
          throw new StorageException.Corrupt("lz4: " + e.getMessage(), e);
        }
      }
      case WalRecord.IMAGE_COMPRESSED_ZSTD -> {
        try {
          long size = Zstd.decompressByteArray(page, 0, kept, source, offset, length);
          checkLength("zstd", kept, size);
        } catch (ZstdException e) {
          throw new StorageException.Corrupt("zstd: " + e.getMessage(), e);
        }
      }
      default ->
          throw new StorageException.Corrupt(
              "image with more than one compression: info 0x%02X".formatted(imageInfo));
    }
  }

  private static void checkLength(String what, int expected, long actual)
      throws StorageException.Corrupt {
    if (actual != expected) {
      throw new StorageException.Corrupt(
          "%s: expected %d bytes, got %d".formatted(what, expected, actual));
    }
  }
}
