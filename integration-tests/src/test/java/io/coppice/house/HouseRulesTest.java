package io.coppice.house;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The text rules over the whole tree. */
final class HouseRulesTest {
  private static final SourceTree TREE = SourceTree.find();
  private static final List<SourceFile> JAVA = TREE.javaFiles();

  @Test
  void seesTheWholeTree() {
    assertThat(JAVA)
        .extracting(SourceFile::path)
        .contains(
            "storage-common/src/main/java/io/coppice/common/id/Lsn.java",
            "integration-tests/src/test/java/io/coppice/house/HouseRulesTest.java");
    assertThat(TREE.textFiles())
        .extracting(SourceFile::path)
        .contains("Makefile", "pom.xml", "proto/src/main/protobuf/coppice/v1/timeline.proto");
  }

  @Test
  void nothingIsLeftUnfinished() {
    assertThat(TextRules.unfinished(TREE.textFiles())).isEmpty();
  }

  @Test
  void noFileNamesAPathOfOneMachine() {
    assertThat(TextRules.machinePaths(TREE.textFiles())).isEmpty();
  }

  @Test
  void filesAreShort() throws IOException {
    assertThat(TextRules.fileLengths(JAVA, ratchet())).isEmpty();
  }

  @Test
  void methodsAreShort() throws IOException {
    assertThat(MethodLengths.tooLong(JAVA)).isEmpty();
  }

  @Test
  void everyPackageSaysItsJob() {
    assertThat(TextRules.packageInfos(JAVA)).isEmpty();
  }

  @Test
  void testsOfRealProcessesEndByThemselves() {
    assertThat(TextRules.processTimeouts(JAVA)).isEmpty();
  }

  private static Map<String, Integer> ratchet() throws IOException {
    Map<String, Integer> permitted = new TreeMap<>();
    try (var in = HouseRulesTest.class.getResourceAsStream("/house/file-length-ratchet.txt")) {
      assertThat(in).isNotNull();
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        if (!line.isBlank() && !line.startsWith("#")) {
          int space = line.lastIndexOf(' ');
          permitted.put(line.substring(0, space), Integer.valueOf(line.substring(space + 1)));
        }
      }
    }
    return permitted;
  }
}
