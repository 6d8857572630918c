package io.coppice.pageserver.layer;

/**
 * What is known of a layer file without opening it, as the timeline's index has it.
 *
 * @param level 0 for a flushed delta, whatever its keys; 1 for what is cut by key, images among it
 * @param crc32c of the whole file
 */
public record LayerDescriptor(LayerName name, int level, long sizeBytes, int crc32c) {
  @Override
  public String toString() {
    return name.toString();
  }
}
