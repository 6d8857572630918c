/** Tests of the page cache by itself. */
@NullMarked
package io.coppice.pageserver.cache;

import org.jspecify.annotations.NullMarked;
