package io.coppice.pageserver.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.testsupport.mutant.SourceMutant;
import java.io.IOException;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code make mutants-storage}: mistakes planted in production classes must be found. */
@Timeout(900)
final class StorageMutants {
  private static final long HISTORIES_MAX = 1_000;

  static List<SourceMutant> mutants() throws IOException {
    return SourceMutant.all("pageserver/src/test/resources/mutants").stream()
        .filter(mutant -> mutant.name().startsWith(System.getProperty("mutant", "")))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("mutants")
  void isFound(SourceMutant mutant, @TempDir Path directory) throws Exception {
    try (URLClassLoader loader = mutant.plant(directory)) {
      Object hunt =
          loader.loadClass(MutantHunt.class.getName()).getDeclaredConstructor().newInstance();
      @SuppressWarnings("unchecked") // the other loader's class, of an interface that is shared
      String found =
          ((LongFunction<String>) hunt).apply(Long.getLong("mutant.histories", HISTORIES_MAX));
      System.out.printf(
          "%-46s found in history %s%n", mutant, found.substring(0, Math.min(found.length(), 160)));
      assertThat(found).as(mutant.mistake()).isNotEmpty();
    }
  }
}
