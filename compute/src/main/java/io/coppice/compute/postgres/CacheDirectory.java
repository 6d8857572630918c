package io.coppice.compute.postgres;

import com.sun.security.auth.module.UnixSystem;
import java.nio.file.Path;
import java.util.Map;

/** Where things are kept that can be made again. */
final class CacheDirectory {
  private static final String OVERRIDE = "COPPICE_CACHE_DIR";

  private CacheDirectory() {}

  /**
   * {@code COPPICE_CACHE_DIR}; else, for root, a directory that other users can reach, which root's
   * home is not; else the XDG cache directory.
   */
  static Path locate() {
    return locate(
        System.getenv(), new UnixSystem().getUid() == 0, System.getProperty("user.home", "/"));
  }

  static Path locate(Map<String, String> environment, boolean root, String home) {
    String override = environment.getOrDefault(OVERRIDE, "");
    if (!override.isEmpty()) {
      return Path.of(override).toAbsolutePath();
    }
    if (root) {
      return Path.of("/var/cache/coppice");
    }
    String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
    // The XDG rules say to ignore a relative path.
    Path base = xdg.startsWith("/") ? Path.of(xdg) : Path.of(home, ".cache");
    return base.resolve("coppice");
  }
}
