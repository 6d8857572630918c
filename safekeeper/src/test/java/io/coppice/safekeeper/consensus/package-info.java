/** Tests of the consensus rules: by example, and by simulation of whole clusters from a seed. */
@NullMarked
package io.coppice.safekeeper.consensus;

import org.jspecify.annotations.NullMarked;
