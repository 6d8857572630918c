package io.coppice.common.platform;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Room on a disk, taken without writing. Java has no call for it, so this is Linux's {@code
 * fallocate(2)}. Thread safe.
 */
public final class DiskSpace {
  private static final int WRITE_ONLY = 1;
  private static final int CLOSE_ON_EXEC = 0x80000;

  private DiskSpace() {}

  /**
   * Gives a file that is there a length, and all blocks for it; what was not written reads as
   * zeros. Not synced.
   *
   * @return false if it cannot be done, be it that there is no room, or that the file or its system
   *     does not have it: whoever writes zeros instead finds out
   */
  public static boolean reserve(Path file, long sizeBytes) {
    Calls calls = Calls.LINUX;
    if (calls == null || !file.getFileSystem().equals(FileSystems.getDefault())) {
      return false;
    }
    return calls.reserve(file.toString(), sizeBytes);
  }

  /** Of the C library. */
  private record Calls(MethodHandle open, MethodHandle fallocate, MethodHandle close) {
    static final @Nullable Calls LINUX = link();

    /** None if this is another system, a C library that lacks them, or a JVM that may not call. */
    private static @Nullable Calls link() {
      if (!System.getProperty("os.name", "").equals("Linux")) {
        return null;
      }
      try {
        return find();
      } catch (NoSuchElementException | UnsupportedOperationException | IllegalCallerException e) {
        return null;
      }
    }

    private static Calls find() {
      return new Calls(
          call(
              "open",
              FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT),
              Linker.Option.firstVariadicArg(2)),
          call(
              "fallocate",
              FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG)),
          call("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT)));
    }

    @SuppressWarnings("restricted") // the launcher allows native access
    private static MethodHandle call(
        String name, FunctionDescriptor signature, Linker.Option... options) {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), signature, options);
    }

    boolean reserve(String file, long sizeBytes) {
      try (Arena arena = Arena.ofConfined()) {
        int descriptor =
            (int) open.invokeExact(arena.allocateFrom(file), WRITE_ONLY | CLOSE_ON_EXEC);
        if (descriptor < 0) {
          return false;
        }
        int failed = (int) fallocate.invokeExact(descriptor, 0, 0L, sizeBytes);
        int _ = (int) close.invokeExact(descriptor);
        return failed == 0;
      } catch (Throwable e) {
        throw new IllegalStateException("cannot call the C library", e);
      }
    }
  }
}
