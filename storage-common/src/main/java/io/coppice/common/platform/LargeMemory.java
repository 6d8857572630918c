package io.coppice.common.platform;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Memory outside the heap in pieces of many megabytes, for what is filled from one end to the other
 * or looked into all over. Java fills what it allocates with zeros, and the system does so before
 * it, page by page; this is Linux's {@code mmap(2)}, once, in huge pages where there are any.
 * Thread safe.
 */
public final class LargeMemory {
  private static final long HUGE_PAGE_SIZE_BYTES = 2 << 20;
  private static final int READ_AND_WRITE = 3;
  private static final int PRIVATE_AND_ANONYMOUS = 0x22;
  private static final int IN_HUGE_PAGES = 14;
  private static final long FAILED = -1;

  private LargeMemory() {}

  /**
   * Memory of that arena, whose contents may be anything; begins at a huge page.
   *
   * @throws OutOfMemoryError if there is none
   */
  public static MemorySegment allocate(long sizeBytes, Arena arena) {
    Calls calls = Calls.LINUX;
    MemorySegment mapped = calls == null ? null : calls.map(sizeBytes, arena);
    return mapped != null ? mapped : arena.allocate(sizeBytes, HUGE_PAGE_SIZE_BYTES);
  }

  /** Of the C library. */
  private record Calls(MethodHandle mmap, MethodHandle munmap, MethodHandle madvise) {
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
              "mmap",
              FunctionDescriptor.of(
                  ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG)),
          call("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG)),
          call("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)));
    }

    @SuppressWarnings("restricted") // the launcher allows native access
    private static MethodHandle call(String name, FunctionDescriptor signature) {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), signature);
    }

    // Restricted because a wrong size would be dangerous: it is that of what is mapped.
    @SuppressWarnings("restricted")
    @Nullable MemorySegment map(long sizeBytes, Arena arena) {
      // More by a huge page, so that one begins within the first.
      long mappedBytes = sizeBytes + HUGE_PAGE_SIZE_BYTES;
      try {
        MemorySegment mapped =
            (MemorySegment)
                mmap.invokeExact(
                    MemorySegment.NULL, mappedBytes, READ_AND_WRITE, PRIVATE_AND_ANONYMOUS, -1, 0L);
        if (mapped.address() == FAILED) {
          return null;
        }
        long start = -Math.floorDiv(-mapped.address(), HUGE_PAGE_SIZE_BYTES) * HUGE_PAGE_SIZE_BYTES;
        MemorySegment whole = mapped.reinterpret(mappedBytes, arena, this::unmap);
        MemorySegment piece = whole.asSlice(start - mapped.address(), sizeBytes);
        // Pages of any size will do.
        int _ = (int) madvise.invokeExact(piece, sizeBytes, IN_HUGE_PAGES);
        return piece;
      } catch (Throwable e) {
        throw new IllegalStateException("cannot call the C library", e);
      }
    }

    private void unmap(MemorySegment mapped) {
      try {
        int _ = (int) munmap.invokeExact(mapped, mapped.byteSize());
      } catch (Throwable e) {
        throw new IllegalStateException("cannot call the C library", e);
      }
    }
  }
}
