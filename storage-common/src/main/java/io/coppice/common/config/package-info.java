/**
 * The settings of every role: which keys exist, how a value is read and where it came from. One
 * TOML file, environment variables and flags become one typed {@link
 * io.coppice.common.config.CoppiceConfig}.
 *
 * <p>Must not know what the roles do with a setting, and must not read a file or an environment
 * that it was not given.
 */
@NullMarked
package io.coppice.common.config;

import org.jspecify.annotations.NullMarked;
