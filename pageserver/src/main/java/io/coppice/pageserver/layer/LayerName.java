package io.coppice.pageserver.layer;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import java.util.HexFormat;

/**
 * The identity of a layer file, which is its name, in a directory and in the object store.
 *
 * <pre>
 *  delta:  &lt;from key&gt;-&lt;to key&gt;__&lt;from LSN&gt;-&lt;to LSN&gt;-&lt;generation&gt;
 *  image:  &lt;from key&gt;-&lt;to key&gt;__&lt;LSN&gt;-&lt;generation&gt;
 *          36 hex digits each         16 each       8
 * </pre>
 *
 * @param keyTo exclusive
 * @param lsnFrom inclusive
 * @param lsnTo exclusive; of an image, one behind {@code lsnFrom}
 * @param generation of the page server's start that wrote it: no two starts write the same name
 */
public record LayerName(
    LayerKind kind, Key keyFrom, Key keyTo, Lsn lsnFrom, Lsn lsnTo, int generation) {

  private static final int KEY_DIGITS = 2 * Key.SIZE_BYTES;

  public LayerName {
    if (keyFrom.compareTo(keyTo) >= 0 || !lsnFrom.isBefore(lsnTo) || generation < 0) {
      throw new IllegalArgumentException(
          "layer of keys %s to %s, LSNs %s to %s, generation %d"
              .formatted(keyFrom, keyTo, lsnFrom, lsnTo, generation));
    }
    if (kind == LayerKind.IMAGE && !lsnFrom.plus(1).equals(lsnTo)) {
      throw new IllegalArgumentException("image layer of LSNs " + lsnFrom + " to " + lsnTo);
    }
  }

  public static LayerName image(Key keyFrom, Key keyTo, Lsn lsn, int generation) {
    return new LayerName(LayerKind.IMAGE, keyFrom, keyTo, lsn, lsn.plus(1), generation);
  }

  /**
   * Reads a name.
   *
   * @throws IllegalArgumentException if it is not one that {@link #toString} gives
   */
  public static LayerName parse(String text) {
    try {
      boolean isDelta = text.length() == 2 * KEY_DIGITS + 3 + 2 * 17 + 8;
      if (!isDelta && text.length() != 2 * KEY_DIGITS + 3 + 17 + 8) {
        throw new IllegalArgumentException("length " + text.length());
      }
      Key keyFrom = key(text, 0);
      Key keyTo = key(text, KEY_DIGITS + 1);
      int at = 2 * KEY_DIGITS + 3;
      Lsn lsnFrom = new Lsn(HexFormat.fromHexDigitsToLong(text, at, at + 16));
      int generation = HexFormat.fromHexDigits(text, text.length() - 8, text.length());
      LayerName name =
          isDelta
              ? new LayerName(
                  LayerKind.DELTA,
                  keyFrom,
                  keyTo,
                  lsnFrom,
                  new Lsn(HexFormat.fromHexDigitsToLong(text, at + 17, at + 33)),
                  generation)
              : image(keyFrom, keyTo, lsnFrom, generation);
      if (!name.toString().equals(text)) {
        throw new IllegalArgumentException("not as it is written");
      }
      return name;
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("not a layer's name: \"" + text + '"', e);
    }
  }

  private static Key key(String text, int at) {
    return Key.read(HexFormat.of().parseHex(text, at, at + KEY_DIGITS), 0);
  }

  public boolean covers(Key key) {
    return key.compareTo(keyFrom) >= 0 && key.compareTo(keyTo) < 0;
  }

  public boolean overlaps(Key from, Key toExclusive) {
    return keyFrom.compareTo(toExclusive) < 0 && keyTo.compareTo(from) > 0;
  }

  @Override
  public String toString() {
    String lsns =
        kind == LayerKind.IMAGE
            ? "%016X".formatted(lsnFrom.value())
            : "%016X-%016X".formatted(lsnFrom.value(), lsnTo.value());
    return "%s-%s__%s-%08x".formatted(keyFrom, keyTo, lsns, generation);
  }
}
