package io.coppice.testsupport.disk;

/** A file or a directory. */
sealed interface SimNode permits SimFile, SimDirectory {
  void losePower(SimFile.Loss loss);
}
