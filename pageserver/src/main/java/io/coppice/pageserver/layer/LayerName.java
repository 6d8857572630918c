package io.coppice.pageserver.layer;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import java.util.HexFormat;

/**
 * The identity of a layer file, which is its name, in a directory and in the object store.
 *
 * <pre>
 *  delta:  &lt;from key&gt;-&lt;to key&gt;__&lt;from LSN&gt;-&lt;to LSN&gt;-&lt;generation&gt;[-&lt;number&gt;]
 *  image:  &lt;from key&gt;-&lt;to key&gt;__&lt;LSN&gt;-&lt;generation&gt;[-&lt;number&gt;]
 *          36 hex digits each         16 each       8             8
 * </pre>
 *
 * @param keyTo exclusive
 * @param lsnFrom inclusive
 * @param lsnTo exclusive; of an image, one behind {@code lsnFrom}
 * @param generation of the page server's start that wrote it: no two starts write the same name
 * @param number tells apart what one start writes anew from what was of the same keys and LSNs; 0
 *     is left out of the name
 */
public record LayerName(
    LayerKind kind, Key keyFrom, Key keyTo, Lsn lsnFrom, Lsn lsnTo, int generation, int number) {

  private static final int KEY_DIGITS = 2 * Key.SIZE_BYTES;
  private static final int NUMBER_DIGITS = 8;

  /** The name of what is written once only, as flushes and imports do. */
  public LayerName(LayerKind kind, Key keyFrom, Key keyTo, Lsn lsnFrom, Lsn lsnTo, int generation) {
    this(kind, keyFrom, keyTo, lsnFrom, lsnTo, generation, 0);
  }

  public LayerName {
    if (keyFrom.compareTo(keyTo) >= 0 || !lsnFrom.isBefore(lsnTo) || generation < 0 || number < 0) {
      throw new IllegalArgumentException(
          "layer of keys %s to %s, LSNs %s to %s, generation %d, number %d"
              .formatted(keyFrom, keyTo, lsnFrom, lsnTo, generation, number));
    }
    if (kind == LayerKind.IMAGE && !lsnFrom.plus(1).equals(lsnTo)) {
      throw new IllegalArgumentException("image layer of LSNs " + lsnFrom + " to " + lsnTo);
    }
  }

  public static LayerName image(Key keyFrom, Key keyTo, Lsn lsn, int generation) {
    return new LayerName(LayerKind.IMAGE, keyFrom, keyTo, lsn, lsn.plus(1), generation);
  }

  /** The same with another number. */
  public LayerName withNumber(int newNumber) {
    return new LayerName(kind, keyFrom, keyTo, lsnFrom, lsnTo, generation, newNumber);
  }

  /**
   * Reads a name.
   *
   * @throws IllegalArgumentException if it is not one that {@link #toString} gives
   */
  public static LayerName parse(String text) {
    try {
      int imageLength = 2 * KEY_DIGITS + 3 + 17 + 8;
      int deltaLength = imageLength + 17;
      int numberLength = 1 + NUMBER_DIGITS;
      boolean isDelta = text.length() == deltaLength || text.length() == deltaLength + numberLength;
      int end = isDelta ? deltaLength : imageLength;
      if (text.length() != end && text.length() != end + numberLength) {
        throw new IllegalArgumentException("length " + text.length());
      }
      int at = 2 * KEY_DIGITS + 3;
      Lsn lsnFrom = new Lsn(HexFormat.fromHexDigitsToLong(text, at, at + 16));
      Lsn lsnTo =
          isDelta
              ? new Lsn(HexFormat.fromHexDigitsToLong(text, at + 17, at + 33))
              : lsnFrom.plus(1);
      int generation = HexFormat.fromHexDigits(text, end - 8, end);
      int number =
          text.length() == end ? 0 : HexFormat.fromHexDigits(text, end + 1, end + numberLength);
      LayerName name =
          new LayerName(
              isDelta ? LayerKind.DELTA : LayerKind.IMAGE,
              key(text, 0),
              key(text, KEY_DIGITS + 1),
              lsnFrom,
              lsnTo,
              generation,
              number);
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
    String name = "%s-%s__%s-%08x".formatted(keyFrom, keyTo, lsns, generation);
    return number == 0 ? name : name + "-%08x".formatted(number);
  }
}
