package io.coppice.testsupport;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ArgumentsSource;

/**
 * A randomised test: run once for each seed, which is its only argument. The seed is the case, and
 * is in the name of the run. {@code -Dseed=N} runs that seed alone; {@code -Dtries=N} sets how
 * many.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedTest(name = "seed {0}")
@ArgumentsSource(SeedSource.class)
public @interface Seeded {
  /** How many seeds, counted from zero. */
  int tries() default 100;
}
