/** Tests of what is kept and what goes. */
@NullMarked
package io.coppice.pageserver.gc;

import org.jspecify.annotations.NullMarked;
