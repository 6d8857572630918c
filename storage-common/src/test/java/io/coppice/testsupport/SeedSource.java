package io.coppice.testsupport;

import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.support.ParameterDeclarations;

final class SeedSource implements ArgumentsProvider {
  @Override
  public Stream<? extends Arguments> provideArguments(
      ParameterDeclarations parameters, ExtensionContext context) {
    Long seed = Long.getLong("seed");
    if (seed != null) {
      return Stream.of(Arguments.of(seed));
    }
    int tries = context.getRequiredTestMethod().getAnnotation(Seeded.class).tries();
    return LongStream.range(0, Integer.getInteger("tries", tries)).mapToObj(Arguments::of);
  }
}
