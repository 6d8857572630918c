package io.coppice.it.mutation;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Instruction;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.ArrayStoreInstruction;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.IncrementInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LookupSwitchInstruction;
import java.lang.classfile.instruction.OperatorInstruction;
import java.lang.classfile.instruction.TableSwitchInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A small fault in place of an instruction.
 *
 * @param planted writes what is there instead
 */
record Defect(String name, Consumer<CodeBuilder> planted) {

  /** The defect for an instruction, if there is one for its kind. */
  static Optional<Defect> of(Instruction instruction) {
    return switch (instruction) {
      case BranchInstruction branch -> negated(branch);
      case OperatorInstruction operator -> otherOperator(operator);
      case ConstantInstruction constant -> otherConstant(constant);
      case IncrementInstruction step -> otherStep(step);
      case TableSwitchInstruction _, LookupSwitchInstruction _ ->
          defect("next case", code -> code.iconst_1().iadd().with(instruction));
      case InvokeInstruction call -> droppedCall(call);
      case FieldInstruction field -> droppedStore(field);
      case ArrayStoreInstruction store ->
          defect("dropped store", code -> pop(pop(code, store.typeKind()), TypeKind.LONG));
      default -> Optional.empty();
    };
  }

  private static Optional<Defect> defect(String name, Consumer<CodeBuilder> planted) {
    return Optional.of(new Defect(name, planted));
  }

  private static Optional<Defect> negated(BranchInstruction branch) {
    Opcode opposite =
        switch (branch.opcode()) {
          case IFEQ -> Opcode.IFNE;
          case IFNE -> Opcode.IFEQ;
          case IFLT -> Opcode.IFGE;
          case IFGE -> Opcode.IFLT;
          case IFGT -> Opcode.IFLE;
          case IFLE -> Opcode.IFGT;
          case IF_ICMPEQ -> Opcode.IF_ICMPNE;
          case IF_ICMPNE -> Opcode.IF_ICMPEQ;
          case IF_ICMPLT -> Opcode.IF_ICMPGE;
          case IF_ICMPGE -> Opcode.IF_ICMPLT;
          case IF_ICMPGT -> Opcode.IF_ICMPLE;
          case IF_ICMPLE -> Opcode.IF_ICMPGT;
          case IF_ACMPEQ -> Opcode.IF_ACMPNE;
          case IF_ACMPNE -> Opcode.IF_ACMPEQ;
          case IFNULL -> Opcode.IFNONNULL;
          case IFNONNULL -> Opcode.IFNULL;
          default -> Opcode.GOTO;
        };
    return opposite == Opcode.GOTO
        ? Optional.empty()
        : defect(
            "negated condition",
            code -> code.with(BranchInstruction.of(opposite, branch.target())));
  }

  private static Optional<Defect> otherOperator(OperatorInstruction operator) {
    Opcode other =
        switch (operator.opcode()) {
          case IADD -> Opcode.ISUB;
          case ISUB, IMUL, IXOR -> Opcode.IADD;
          case IDIV, IREM -> Opcode.IMUL;
          case IAND -> Opcode.IOR;
          case IOR -> Opcode.IAND;
          case ISHL -> Opcode.IUSHR;
          case ISHR, IUSHR -> Opcode.ISHL;
          case LADD -> Opcode.LSUB;
          case LSUB, LMUL, LXOR -> Opcode.LADD;
          case LDIV, LREM -> Opcode.LMUL;
          case LAND -> Opcode.LOR;
          case LOR -> Opcode.LAND;
          case LSHL -> Opcode.LUSHR;
          case LSHR, LUSHR -> Opcode.LSHL;
          default -> operator.opcode();
        };
    return other == operator.opcode()
        ? Optional.empty()
        : defect(
            operator.opcode() + " -> " + other, code -> code.with(OperatorInstruction.of(other)));
  }

  /** True and false are constants too. */
  private static Optional<Defect> otherConstant(ConstantInstruction constant) {
    return switch (constant.constantValue()) {
      case Integer i -> {
        int other = i == 1 ? 0 : i + 1;
        yield defect(i + " -> " + other, code -> code.loadConstant(other));
      }
      case Long l -> defect(l + " -> " + (l + 1), code -> code.loadConstant(l + 1));
      default -> Optional.empty();
    };
  }

  private static Optional<Defect> otherStep(IncrementInstruction step) {
    int other = step.constant() + 1;
    return defect("step " + other, code -> code.iinc(step.slot(), other));
  }

  /** A call that returns a number or a truth returns zero, which is false, without being made. */
  private static Optional<Defect> droppedCall(InvokeInstruction call) {
    ClassDesc type = call.typeSymbol().returnType();
    if (!type.isPrimitive() || call.name().equalsString(ConstantDescs.INIT_NAME)) {
      return Optional.empty();
    }
    List<ClassDesc> parameters = call.typeSymbol().parameterList();
    return defect(
        "dropped call of " + call.name(),
        code -> {
          for (ClassDesc parameter : parameters.reversed()) {
            pop(code, TypeKind.from(parameter));
          }
          if (call.opcode() != Opcode.INVOKESTATIC) {
            code.pop();
          }
          switch (TypeKind.from(type)) {
            case VOID -> {}
            case LONG -> code.lconst_0();
            case FLOAT -> code.fconst_0();
            case DOUBLE -> code.dconst_0();
            default -> code.iconst_0();
          }
        });
  }

  private static Optional<Defect> droppedStore(FieldInstruction field) {
    TypeKind kind = TypeKind.from(field.typeSymbol());
    return switch (field.opcode()) {
      case PUTFIELD -> defect("dropped " + field.name(), code -> pop(code, kind).pop());
      case PUTSTATIC -> defect("dropped " + field.name(), code -> pop(code, kind));
      default -> Optional.empty();
    };
  }

  private static CodeBuilder pop(CodeBuilder code, TypeKind kind) {
    return kind.slotSize() == 2 ? code.pop2() : code.pop();
  }
}
