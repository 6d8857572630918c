/**
 * Makes a new cluster with stock {@code initdb} and hands it to the page server as a new tenant. It
 * must not know how the page server stores it.
 */
@NullMarked
package io.coppice.compute.bootstrap;

import org.jspecify.annotations.NullMarked;
