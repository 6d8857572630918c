/** Tests of the tars. */
@NullMarked
package io.coppice.compute.archive;

import org.jspecify.annotations.NullMarked;
