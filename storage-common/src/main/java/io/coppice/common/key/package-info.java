/** The 18-byte key space in which everything a timeline holds is addressed. Pure values. */
@NullMarked
package io.coppice.common.key;

import org.jspecify.annotations.NullMarked;
