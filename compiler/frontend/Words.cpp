#include "compiler/frontend/Words.h"

namespace pgc {

const Word *findWord(llvm::StringRef name) {
  static const llvm::StringMap<const Word *> table = [] {
    llvm::StringMap<const Word *> words;
    for (llvm::ArrayRef<Word> family :
         {mathWords(), reductionWords(), shapeWords(), networkWords(),
          otherWords(), quantizeWords()})
      for (const Word &word : family)
        words[word.name] = &word;
    return words;
  }();
  return table.lookup(name);
}

std::optional<int64_t> requireAxis(Evaluator &ev, const WordCall &c, size_t arg,
                                   const Tensor &x) {
  auto axis = ev.requireInteger(c.values[arg], c.ranges[arg], "an axis");
  if (!axis)
    return std::nullopt;
  int64_t rank = x.rank();
  if (*axis < -rank || *axis >= rank) {
    ev.error(c.ranges[arg],
             c.word.str() + ": x has no axis " + std::to_string(*axis))
        .detail("x : " + describe(x.dims));
    return std::nullopt;
  }
  return *axis < 0 ? *axis + rank : *axis;
}

std::string describeOperands(
    llvm::ArrayRef<std::pair<llvm::StringRef, const Tensor *>> operands) {
  std::string text;
  for (auto &[name, tensor] : operands) {
    if (!text.empty())
      text += "    ";
    text += name.str() + " : " + describe(tensor->dims);
  }
  return text;
}

void noteDeclaration(Report &report, llvm::StringRef name, const Tensor &t) {
  if (t.parameter)
    report.note(t.parameter->nameRange, name.str() + " is declared here");
}

} // namespace pgc
