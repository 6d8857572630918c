package io.coppice.house;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Each text rule catches bad input, and leaves good input alone. */
final class TextRulesTest {
  private static final String MAIN = "m/src/main/java/io/coppice/m/A.java";

  private static List<SourceFile> file(String path, String text) {
    return List.of(new SourceFile(path, text));
  }

  @Test
  void findsUnfinishedWork() {
    assertThat(TextRules.unfinished(file(MAIN, "a\n// TO" + "DO later\n")))
        .containsExactly(MAIN + ":2: TO" + "DO is banned: do it, or write an issue");
    assertThat(TextRules.unfinished(file(MAIN, "// FIX" + "ME\n"))).hasSize(1);
    assertThat(TextRules.unfinished(file(MAIN, "// nothing to do, MASTO" + "DON\n"))).isEmpty();
  }

  @Test
  void findsPathsOfOneMachine() {
    assertThat(TextRules.machinePaths(file(MAIN, "p = \"/wor" + "k/main/x\";"))).hasSize(1);
    assertThat(TextRules.machinePaths(file(MAIN, "see /hom" + "e/me/src"))).hasSize(1);
    assertThat(TextRules.machinePaths(file(MAIN, "a/wor" + "k/b ${dir}/wor" + "k/b"))).isEmpty();
    assertThat(TextRules.machinePaths(file(MAIN, "/hom" + "e/a/.cache"))).isEmpty();
    assertThat(TextRules.machinePaths(file(MAIN, "/usr/lib/postgresql/15/bin"))).isEmpty();
  }

  @Test
  void findsLongFiles() {
    assertThat(TextRules.fileLengths(file(MAIN, "x\n".repeat(500)), Map.of())).isEmpty();
    assertThat(TextRules.fileLengths(file(MAIN, "x\n".repeat(501)), Map.of()))
        .containsExactly(MAIN + ": 501 lines, at most 500: split it by concern");
  }

  @Test
  void theRatchetOnlyTurnsOneWay() {
    List<SourceFile> long520 = file(MAIN, "x\n".repeat(520));
    assertThat(TextRules.fileLengths(long520, Map.of(MAIN, 520))).isEmpty();
    assertThat(TextRules.fileLengths(long520, Map.of(MAIN, 519)))
        .singleElement()
        .asString()
        .contains("may only shrink");
    assertThat(TextRules.fileLengths(long520, Map.of(MAIN, 530)))
        .singleElement()
        .asString()
        .contains("write that");
    assertThat(TextRules.fileLengths(file(MAIN, "x\n"), Map.of(MAIN, 530)))
        .singleElement()
        .asString()
        .contains("delete it");
    assertThat(TextRules.fileLengths(file(MAIN, "x\n"), Map.of("gone/B.java", 530)))
        .containsExactly("gone/B.java: is in the ratchet list but not here");
  }

  @Test
  void findsPackagesThatDoNotSayTheirJob() {
    assertThat(TextRules.packageInfos(file(MAIN, "class A {}")))
        .containsExactly("m/src/main/java/io/coppice/m: has no package-info.java");
    assertThat(
            TextRules.packageInfos(
                List.of(
                    new SourceFile(MAIN, "class A {}"),
                    new SourceFile(
                        "m/src/main/java/io/coppice/m/package-info.java",
                        "package io.coppice.m;"))))
        .singleElement()
        .asString()
        .contains("needs Javadoc");
    assertThat(
            TextRules.packageInfos(
                List.of(
                    new SourceFile(MAIN, "class A {}"),
                    new SourceFile("m/src/test/java/io/coppice/m/ATest.java", "class ATest {}"),
                    new SourceFile(
                        "m/src/main/java/io/coppice/m/package-info.java",
                        "/** Job. */\n@NullMarked\npackage io.coppice.m;"))))
        .isEmpty();
  }

  @Test
  void findsProcessTestsThatMayHang() {
    String path = "m/src/test/java/io/coppice/m/ATest.java";
    String tagged = "@Tag(\"pro" + "cess\") class ATest {}";
    assertThat(TextRules.processTimeouts(file(path, tagged))).hasSize(1);
    assertThat(TextRules.processTimeouts(file(path, "@Timeout" + "(9) " + tagged))).isEmpty();
  }

  @Test
  void findsLongMethods() throws IOException {
    String body = "    x();\n";
    String ofLines70 = "class A {\n  void m() {\n" + body.repeat(68) + "  }\n}\n";
    String ofLines71 = "class A {\n  void m() {\n" + body.repeat(69) + "  }\n}\n";
    assertThat(MethodLengths.tooLong(file(MAIN, ofLines70))).isEmpty();
    assertThat(MethodLengths.tooLong(file(MAIN, ofLines71)))
        .singleElement()
        .asString()
        .contains("A.java:2: method m has 71 lines");
  }
}
