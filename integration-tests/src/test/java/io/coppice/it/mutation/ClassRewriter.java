package io.coppice.it.mutation;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Instruction;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.LabelTarget;
import java.lang.classfile.instruction.LineNumber;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Finds mutation points in class files, and writes these anew with calls of {@link Probe}. */
final class ClassRewriter implements CodeTransform {
  private static final ClassFile FILES = ClassFile.of();
  private static final ClassDesc PROBE = ClassDesc.of(Probe.class.getName());
  private static final MethodTypeDesc LOOP = MethodTypeDesc.of(ConstantDescs.CD_void);
  private static final MethodTypeDesc REACH =
      MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int);

  /** What is written in place of an instruction. */
  private interface Rewrite {
    void write(CodeBuilder code, Instruction instruction, int number);
  }

  private final Rewrite rewrite;
  private final Set<Label> passed = new HashSet<>();
  private int instructions;

  private ClassRewriter(Rewrite rewrite) {
    this.rewrite = rewrite;
  }

  /** All of a class, in the order of its byte code; none in what only the compiler wrote. */
  static List<MutationPoint> points(byte[] classFile) {
    ClassModel model = FILES.parse(classFile);
    String className = model.thisClass().asInternalName().replace('/', '.');
    List<MutationPoint> points = new ArrayList<>();
    int instructions = 0;
    for (MethodModel method : model.methods()) {
      String name = method.methodName().stringValue();
      boolean isGenerated = isGenerated(model, method);
      int line = 0;
      for (CodeElement element : method.code().map(code -> code.elementList()).orElse(List.of())) {
        if (element instanceof LineNumber number) {
          line = number.line();
        } else if (element instanceof Instruction instruction) {
          var defect = Defect.of(instruction);
          if (defect.isPresent() && !isGenerated) {
            points.add(new MutationPoint(className, name, line, instructions, defect.get().name()));
          }
          instructions++;
        }
      }
    }
    return points;
  }

  private static boolean isGenerated(ClassModel model, MethodModel method) {
    boolean isOfEnum =
        method.flags().has(AccessFlag.SYNTHETIC)
            || method.methodName().equalsString(ConstantDescs.CLASS_INIT_NAME);
    return model.flags().has(AccessFlag.ENUM) ? isOfEnum : model.flags().has(AccessFlag.SYNTHETIC);
  }

  /** The same class, whose loops end. */
  static byte[] bounded(byte[] classFile) {
    return rewrite(classFile, (code, instruction, _) -> code.with(instruction));
  }

  /**
   * The same class, which tells what is reached.
   *
   * @param places of points, by the numbers of their instructions
   */
  static byte[] probed(byte[] classFile, Map<Integer, Integer> places) {
    return rewrite(
        classFile,
        (code, instruction, number) -> {
          Integer place = places.get(number);
          if (place != null) {
            code.loadConstant(place).invokestatic(PROBE, "reach", REACH);
          }
          code.with(instruction);
        });
  }

  /** The class with a defect, whose loops end. */
  static byte[] mutated(byte[] classFile, MutationPoint point) {
    return rewrite(
        classFile,
        (code, instruction, number) -> {
          if (number == point.instruction()) {
            Defect.of(instruction).orElseThrow().planted().accept(code);
          } else {
            code.with(instruction);
          }
        });
  }

  private static byte[] rewrite(byte[] classFile, Rewrite rewrite) {
    return FILES.transformClass(
        FILES.parse(classFile),
        ClassTransform.transformingMethodBodies(new ClassRewriter(rewrite)));
  }

  @Override
  public void accept(CodeBuilder code, CodeElement element) {
    switch (element) {
      case LabelTarget target -> {
        passed.add(target.label());
        code.with(target);
      }
      case Instruction instruction -> {
        if (instruction instanceof BranchInstruction branch && passed.contains(branch.target())) {
          code.invokestatic(PROBE, "loop", LOOP);
        }
        rewrite.write(code, instruction, instructions++);
      }
      default -> code.with(element);
    }
  }
}
