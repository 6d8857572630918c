/** Histories of clients, and whether a serializable database could have answered so. */
@NullMarked
package io.coppice.it.history;

import org.jspecify.annotations.NullMarked;
