/**
 * The page server as seen by those who call it: one typed client over the generated stubs. It
 * translates and waits; it must not decide anything about branches or computes.
 */
@NullMarked
package io.coppice.compute.storage;

import org.jspecify.annotations.NullMarked;
