package io.coppice.safekeeper.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.testsupport.mutant.SourceMutant;
import java.io.IOException;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Mistakes that were planted in production classes must be found. */
final class MutantTest {
  private static final long SCHEDULES_MAX = 20_000;

  /**
   * Those that take long to be found from the first seed on, as {@code -Dmutant.first=0} has it,
   * are looked for from a later one on.
   */
  private static final Map<String, Long> FIRST =
      Map.of(
          "10-commits-earlier-terms-by-counting", 15_000L,
          "21-takes-damage-for-the-end", 1_000L,
          "22-reads-control-files-without-checksum", 500L,
          "27-gives-out-a-generation-twice", 500L,
          "46-counts-what-a-lost-disk-acknowledged", 2_000L);

  static List<SourceMutant> mutants() throws IOException {
    return SourceMutant.all("safekeeper/src/test/resources/mutants");
  }

  @ParameterizedTest
  @MethodSource("mutants")
  @Timeout(300)
  void isFound(SourceMutant mutant, @TempDir Path directory) throws Exception {
    try (URLClassLoader loader = mutant.plant(directory)) {
      Object hunt =
          loader.loadClass(MutantHunt.class.getName()).getDeclaredConstructor().newInstance();
      long first = Long.getLong("mutant.first", FIRST.getOrDefault(mutant.name(), 0L));
      @SuppressWarnings("unchecked") // the other loader's class, of an interface that is shared
      String found =
          ((BiFunction<Long, Long, String>) hunt)
              .apply(first, Long.getLong("mutant.schedules", SCHEDULES_MAX));
      System.out.printf(
          "%-46s found in schedule %s%n",
          mutant, found.substring(0, Math.min(found.length(), 140)));
      assertThat(found).as(mutant.mistake()).isNotEmpty();
    }
  }
}
