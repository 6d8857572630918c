package io.coppice.it.mutation;

import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.version.PostgresVersion;
import java.util.Map;

/** Loads the classes that it is given apart from those of the same names elsewhere. */
final class FreshClasses extends ClassLoader {
  private final Map<String, byte[]> classFiles;

  /**
   * @param classFiles by binary name
   */
  FreshClasses(Map<String, byte[]> classFiles) {
    super(FreshClasses.class.getClassLoader());
    this.classFiles = classFiles;
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    byte[] classFile = classFiles.get(name);
    if (classFile == null) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded == null ? defineClass(name, classFile, 0, classFile.length) : loaded;
    }
  }

  /** A replay that runs with these classes. */
  Replay replay(PostgresVersion version, ClusterFiles base) throws ReflectiveOperationException {
    var constructor =
        loadClass(VerifierReplay.class.getName())
            .getDeclaredConstructor(PostgresVersion.class, ClusterFiles.class);
    constructor.setAccessible(true);
    return (Replay) constructor.newInstance(version, base);
  }
}
