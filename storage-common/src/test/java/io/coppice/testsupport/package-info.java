/** Test support shared by all modules: seeds, and fakes crueller than the world. */
@NullMarked
package io.coppice.testsupport;

import org.jspecify.annotations.NullMarked;
