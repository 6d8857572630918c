package io.coppice.bench;

import java.util.OptionalDouble;

/**
 * One measured figure.
 *
 * @param anchor the same figure of what it is measured against, if there is such a thing
 * @param ratio how many times better than the anchor (1 is equal), if there is one; else how many
 *     times within its limit
 */
record Figure(String name, String unit, double value, OptionalDouble anchor, OptionalDouble ratio) {

  /** More is better. */
  static Figure rate(String name, String unit, double value, double anchor) {
    return new Figure(
        name, unit, value, OptionalDouble.of(anchor), OptionalDouble.of(value / anchor));
  }

  /** Less is better, and more than the limit is too much. */
  static Figure within(String name, String unit, double value, double limit) {
    return new Figure(
        name, unit, value, OptionalDouble.of(limit), OptionalDouble.of(limit / value));
  }

  /** A cost with nothing to compare it with. */
  static Figure alone(String name, String unit, double value) {
    return new Figure(name, unit, value, OptionalDouble.empty(), OptionalDouble.empty());
  }
}
