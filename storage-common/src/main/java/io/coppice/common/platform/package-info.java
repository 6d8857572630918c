/**
 * The only door to the clock, to randomness and to durable files. Everything else takes what it
 * needs of them as an argument.
 */
@NullMarked
package io.coppice.common.platform;

import org.jspecify.annotations.NullMarked;
