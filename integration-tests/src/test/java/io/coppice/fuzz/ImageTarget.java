package io.coppice.fuzz;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.compress.FullPageImages;
import io.coppice.postgres.page.Page;

/**
 * Input: flags (1), offset and length of the hole (2 each), a full-page image, compressed or not.
 */
public final class ImageTarget {
  private ImageTarget() {}

  /** What Jazzer calls. */
  public static void fuzzerTestOneInput(byte[] input) {
    InputReader reader = new InputReader(input);
    int info = reader.u8();
    int holeOffset = reader.u16();
    int holeLength = reader.u16();
    byte[] image = reader.rest();
    try {
      FullPageImages.restore(
          image, 0, image.length, info, holeOffset, holeLength, new byte[Page.SIZE_BYTES]);
    } catch (StorageException.Corrupt _) {
      // Refused.
    }
  }
}
