/**
 * The house style as tests over the whole tree: arrows between modules and packages, lengths, bans.
 * Each rule says what to do instead, and is itself tested on bad input. Knows no module's logic.
 */
@NullMarked
package io.coppice.house;

import org.jspecify.annotations.NullMarked;
