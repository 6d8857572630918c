package io.coppice.compute.storage;

import java.io.IOException;
import java.io.OutputStream;

/** Writes a tar, from beginning to end, to the stream that it is given. */
@FunctionalInterface
public interface TarSource {
  void writeTo(OutputStream out) throws IOException;
}
