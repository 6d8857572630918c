package io.coppice.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The arrows of the house over all compiled main classes, and over planted violations. */
final class ArrowsTest {
  private static final String PLANTED = "io.coppice.house.planted";

  @TestFactory
  Stream<DynamicTest> arrows() {
    JavaClasses house =
        new ClassFileImporter()
            // What JMH makes of a benchmark is not ours to change.
            .withImportOption(location -> !location.contains("/jmh_generated/"))
            .importPaths(SourceTree.find().mainClassDirectories());
    return new Arrows("io.coppice")
        .all().entrySet().stream()
            .map(rule -> DynamicTest.dynamicTest(rule.getKey(), () -> check(rule, house)));
  }

  @Test
  void modulesAreCompiled() {
    assertThat(SourceTree.find().mainClassDirectories()).hasSizeGreaterThanOrEqualTo(2);
  }

  @TestFactory
  Stream<DynamicTest> eachRuleCatchesItsPlantedViolation() {
    JavaClasses planted = new ClassFileImporter().importPackages(PLANTED);
    return new Arrows(PLANTED)
        .all().entrySet().stream()
            .map(rule ->
                DynamicTest.dynamicTest(
                    rule.getKey(),
                    () -> assertThat(violations(rule.getValue(), planted)).isNotEmpty()));
  }

  private static void check(Map.Entry<String, ArchRule> rule, JavaClasses house) {
    assumeThat(house).isNotEmpty();
    assertThat(violations(rule.getValue(), house)).as(rule.getKey()).isEmpty();
  }

  private static List<String> violations(ArchRule rule, JavaClasses classes) {
    return rule.allowEmptyShould(true).evaluate(classes).getFailureReport().getDetails();
  }
}
