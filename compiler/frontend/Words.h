// The words of the library (language.md section 11), by family.
#pragma once

#include "compiler/frontend/Evaluator.h"

namespace pgc {

llvm::ArrayRef<Word> mathWords();
llvm::ArrayRef<Word> reductionWords();
llvm::ArrayRef<Word> shapeWords();
llvm::ArrayRef<Word> networkWords();
llvm::ArrayRef<Word> otherWords();
llvm::ArrayRef<Word> quantizeWords();

/// The number of the axis that `value` names, counted from the front.
std::optional<int64_t> requireAxis(Evaluator &ev, const WordCall &c, size_t arg,
                                   const Tensor &x);
/// "x : [B=48, T=2048, dim=512]    w : [...]".
std::string describeOperands(
    llvm::ArrayRef<std::pair<llvm::StringRef, const Tensor *>> operands);
/// Notes where an operand is declared, if it is a parameter.
void noteDeclaration(Report &report, llvm::StringRef name, const Tensor &t);

} // namespace pgc
