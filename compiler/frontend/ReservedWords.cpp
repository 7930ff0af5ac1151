// The words of the library (language.md section 11) and those that are always
// there (section 2).
#include "compiler/frontend/Loader.h"

#include <algorithm>

using namespace pgc;

const std::vector<std::string> &pgc::reservedWords() {
  static const std::vector<std::string> words = {
      // always there
      "tokens", "targets", "step", "progress", "training", "adapting", "visit",
      "pi", "inherited",
      // library
      "abs", "sqrt", "exp", "log", "tanh", "sigmoid", "cos", "min", "max",
      "clamp", "floor", "round", "xor", "leaky_relu", "lerp", "sum", "mean",
      "amax", "std", "norm", "logsumexp", "quantile", "cumsum", "reshape",
      "transpose", "shape", "size", "shift", "iota", "eye", "rows", "len",
      "has", "int", "embed", "linear", "rms_norm", "normalize", "rope",
      "attention", "xsa", "tanh_cap", "cross_entropy", "stop_gradient", "f32",
      "recur", "params", "newton_schulz", "svd", "gptq", "codes", "f16",
      "diagonal", "normal", "orthogonal",
      // of sections, where a function of the file could stand too
      "drop", "solve", "zero_ones", "small"};
  return words;
}

bool pgc::isReservedWord(std::string_view name) {
  const std::vector<std::string> &words = reservedWords();
  return std::find(words.begin(), words.end(), name) != words.end();
}
