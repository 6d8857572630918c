/** Tests of the page server against a real Postgres, without safekeepers between them. */
@NullMarked
package io.coppice.pageserver.process;

import org.jspecify.annotations.NullMarked;
