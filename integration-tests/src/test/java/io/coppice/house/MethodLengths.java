package io.coppice.house;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.LineMap;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Finds methods and constructors that are too long, by the JDK's own parser. */
final class MethodLengths {
  static final int METHOD_LINES_MAX = 70;

  private MethodLengths() {}

  /** One line for each method of more than {@link #METHOD_LINES_MAX} lines, braces included. */
  static List<String> tooLong(List<SourceFile> javaFiles) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    List<ParsedFile> inputs = javaFiles.stream().map(ParsedFile::new).toList();
    JavacTask task =
        (JavacTask) compiler.getTask(null, null, _ -> {}, List.of("-proc:none"), null, inputs);
    SourcePositions positions = Trees.instance(task).getSourcePositions();
    List<String> violations = new ArrayList<>();
    for (CompilationUnitTree unit : task.parse()) {
      new Scanner(unit, positions, violations).scan(unit, null);
    }
    return violations;
  }

  private static final class Scanner extends TreeScanner<Void, Void> {
    private final CompilationUnitTree unit;
    private final SourcePositions positions;
    private final List<String> violations;

    Scanner(CompilationUnitTree unit, SourcePositions positions, List<String> violations) {
      this.unit = unit;
      this.positions = positions;
      this.violations = violations;
    }

    @Override
    public Void visitMethod(MethodTree method, Void unused) {
      LineMap lines = unit.getLineMap();
      long first = lines.getLineNumber(positions.getStartPosition(unit, method));
      long last = lines.getLineNumber(positions.getEndPosition(unit, method));
      if (last - first + 1 > METHOD_LINES_MAX) {
        violations.add(
            "%s:%d: method %s has %d lines, at most %d: let it decide and move the work to leaves"
                .formatted(
                    unit.getSourceFile().getName(),
                    first,
                    method.getName(),
                    last - first + 1,
                    METHOD_LINES_MAX));
      }
      return super.visitMethod(method, null);
    }
  }

  private static final class ParsedFile extends SimpleJavaFileObject {
    private final SourceFile file;

    ParsedFile(SourceFile file) {
      super(URI.create("tree:///" + file.path()), JavaFileObject.Kind.SOURCE);
      this.file = file;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return file.text();
    }
  }
}
