/** What the tests of whole systems share: short words for JDBC, free ports. */
@NullMarked
package io.coppice.it.support;

import org.jspecify.annotations.NullMarked;
