/** Tests of making clusters. */
@NullMarked
package io.coppice.compute.bootstrap;

import org.jspecify.annotations.NullMarked;
