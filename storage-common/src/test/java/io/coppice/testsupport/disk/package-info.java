/**
 * A disk in memory behind {@link java.nio.file}, which forgets what was not synced: production
 * classes run on it as they are.
 */
@NullMarked
package io.coppice.testsupport.disk;

import org.jspecify.annotations.NullMarked;
