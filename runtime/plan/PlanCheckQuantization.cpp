// How weights become an artifact: leaves, Hessians, codecs, and the programs
// that make them.

#include "runtime/plan/PlanCheckBase.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace pgrt {

namespace {
/// Codes are stored in 16 bits at most.
constexpr int64_t leastCode = -32768, mostCode = 32767;

class QuantizationCheck : PlanCheckBase {
public:
  using PlanCheckBase::PlanCheckBase;

  void run() {
    checkHessians();
    if (plan.has_quantization()) {
      checkQuantizers();
      checkStages();
    }
    if (plan.has_pack())
      checkPack();
  }

private:
  void checkHessians() {
    for (const plan::Parameter &parameter : plan.parameters()) {
      if (!parameter.has_hessian())
        continue;
      std::string what = cat("parameter '", parameter.name(), "'s Hessian");
      if (parameter.shape_size() != 2)
        badPlan(what, " is of no matrix");
      // Which axis is contracted the commands that read it know.
      int64_t n = std::min(parameter.shape(0), parameter.shape(1)), elements,
              bytes;
      if (!checkedMul(n, n, elements) ||
          !checkedMul(elements, typeBytes(parameter.type()), bytes))
        badPlan(what, " is too large");
      checkSlot(parameter.hessian(), bytes, bufferAlignment,
                [&] { return what; });
    }
  }

  void checkLeaf(const plan::Leaf &leaf, plan::Type type,
                 const std::string &what) {
    if (leaf.kind() != plan::Leaf::CODES && leaf.kind() != plan::Leaf::F16)
      badPlan(what, " is of no kind");
    if (leaf.kind() == plan::Leaf::CODES &&
        (leaf.lo() > leaf.hi() || leaf.lo() < leastCode ||
         leaf.hi() > mostCode))
      badPlan(what, " has codes of ", leaf.lo(), " … ", leaf.hi());
    int64_t bytes = checkShape(leaf.shape(), type, what) * typeBytes(type);
    if (!leaf.has_slot())
      badPlan(what, " has no place");
    checkSlot(leaf.slot(), bytes, bufferAlignment, [&] { return what; });
    const plan::Arena &arena = plan.arenas(int(leaf.slot().arena()));
    if (!arena.alias_of().empty())
      badPlan(what, " lies in an alias");
    pieces.push_back({leaf.slot().arena(), leaf.slot().offset(),
                      leaf.slot().offset() + bytes, what});
  }

  void checkQuantizers() {
    const plan::Quantization &quantization = plan.quantization();
    if (quantization.batches() < 0 || quantization.batches() > int64_t(1) << 40)
      badPlan("calibration over ", quantization.batches(), " parts");
    if (quantization.quantizers_size() != plan.parameters_size())
      badPlan(plan.parameters_size(), " parameters have ",
              quantization.quantizers_size(), " quantisers");
    for (int i = 0; i < plan.parameters_size(); ++i) {
      const plan::Quantizer &quantizer = quantization.quantizers(i);
      const plan::Parameter &parameter = plan.parameters(i);
      if (quantizer.parameter() != uint32_t(i))
        badPlan("quantiser ", i, " is that of parameter ",
                quantizer.parameter());
      if (quantizer.rule().empty())
        badPlan("the quantiser of '", parameter.name(), "' has no name");
      for (int leaf = 0; leaf < quantizer.leaves_size(); ++leaf)
        checkLeaf(quantizer.leaves(leaf), parameter.type(),
                  cat("leaf ", leaf, " of '", parameter.name(), "'"));
      pieces.push_back({parameter.slot().arena(), parameter.slot().offset(),
                        parameter.slot().offset() + 1,
                        cat("parameter '", parameter.name(), "'")});
    }
    std::sort(pieces.begin(), pieces.end());
    for (size_t i = 1; i < pieces.size(); ++i) {
      const auto &[arena, begin, end, what] = pieces[i - 1];
      if (std::get<0>(pieces[i]) == arena && std::get<1>(pieces[i]) < end)
        badPlan(what, " and ", std::get<3>(pieces[i]), " overlap");
    }
  }

  /// What the stages need of each other.
  void checkStages() {
    if (!findProgram(plan, "decode"))
      badPlan("it quantises and has no decode program");
    const plan::Program *capture = findProgram(plan, "capture");
    if (!plan.has_training())
      return;
    if (!findProgram(plan, "quantize"))
      badPlan("it quantises and has no quantize program");
    if ((plan.quantization().batches() > 0) != (capture != nullptr))
      badPlan("calibration over ", plan.quantization().batches(), " parts and ",
              capture ? "a" : "no", " capture program");
    if (!capture)
      return;
    const plan::Training &training = plan.training();
    int64_t sequences =
        training.parts() > 0 && training.seq() > 0
            ? training.batch_tokens() / training.parts() / training.seq()
            : 0;
    if (capture->seq() != training.seq() || capture->batch() < 1 ||
        sequences % capture->batch())
      badPlan("the capture program takes ", capture->batch(), " × ",
              capture->seq(), " tokens; a part has ", sequences, " × ",
              training.seq());
  }

  void checkPack() {
    const plan::Pack &pack = plan.pack();
    static const std::map<std::string, std::pair<int64_t, int64_t>> codecs = {
        {"base3", {0, 0}},
        {"shuffle", {1, int64_t(1) << 30}},
        {"brotli", {0, 11}},
        {"zlib", {0, 9}},
        {"lzma", {0, 9}}};
    for (const plan::Pack::Codec &codec : pack.codecs()) {
      auto known = codecs.find(codec.name());
      if (known == codecs.end())
        badPlan("unknown codec '", codec.name(), "'");
      if (codec.argument() < known->second.first ||
          codec.argument() > known->second.second)
        badPlan("codec '", codec.name(), "' with ", codec.argument());
    }
    if (pack.cap() < 0)
      badPlan("a cap of ", pack.cap(), " bytes");
    if (!std::isfinite(pack.zero_ones()) || pack.zero_ones() < 0)
      badPlan("an impossible number of codes to zero");
    if (!pack.solve().empty() && pack.zero_ones() > 0)
      badPlan("over the cap it both solves and zeroes");
  }

  std::vector<std::tuple<uint32_t, int64_t, int64_t, std::string>> pieces;
};
} // namespace

void checkPlanQuantization(const plan::Plan &plan) {
  QuantizationCheck(plan).run();
}

} // namespace pgrt
