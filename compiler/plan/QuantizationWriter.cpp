#include "compiler/plan/QuantizationWriter.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace pgc {

namespace plan = pgrt::plan;

static int64_t numberIn(DictionaryAttr attr, StringRef name) {
  auto value = attr.getAs<IntegerAttr>(name);
  return value ? value.getInt() : 0;
}

static void addLeaf(pg::VariableOp variable, plan::Quantizer &quantizer,
                    SetSlot setSlot) {
  auto says = variable->getAttrOfType<DictionaryAttr>("leaf");
  plan::Leaf *leaf = quantizer.add_leaves();
  auto kind = says ? says.getAs<StringAttr>("kind") : StringAttr();
  if (kind && kind.getValue() == "codes") {
    leaf->set_kind(plan::Leaf::CODES);
    leaf->set_lo(numberIn(says, "lo"));
    leaf->set_hi(numberIn(says, "hi"));
  } else {
    leaf->set_kind(plan::Leaf::F16);
  }
  for (int64_t size : variable.getTensorType().getShape())
    leaf->add_shape(size);
  setSlot(leaf->mutable_slot(),
          variable->getAttrOfType<pg::sched::BufAttr>("buffer"));
}

void addQuantization(ModuleOp module, plan::Plan &out, SetSlot setSlot) {
  SymbolTable symbols(module);
  uint32_t index = 0;
  for (auto parameter : module.getOps<pg::VariableOp>()) {
    if (parameter.getSpace() != "parameter")
      continue;
    if (auto rule = parameter->getAttrOfType<StringAttr>("quantizer")) {
      plan::Quantizer *quantizer = out.mutable_quantization()->add_quantizers();
      quantizer->set_parameter(index);
      quantizer->set_rule(rule.str());
      std::string stem = (parameter.getSymName() + ":leaf").str();
      for (unsigned i = 0;; ++i) {
        auto leaf = symbols.lookup<pg::VariableOp>(stem + std::to_string(i));
        if (!leaf)
          break;
        addLeaf(leaf, *quantizer, setSlot);
      }
    }
    ++index;
  }
}

void addPack(ModuleOp module, plan::Plan &out) {
  auto says = module->getAttrOfType<DictionaryAttr>("pg.pack");
  if (!says)
    return;
  plan::Pack *pack = out.mutable_pack();
  if (auto codecs = says.getAs<ArrayAttr>("codecs"))
    for (auto codec : codecs.getAsRange<DictionaryAttr>()) {
      plan::Pack::Codec *entry = pack->add_codecs();
      entry->set_name(codec.getAs<StringAttr>("name").str());
      entry->set_argument(numberIn(codec, "argument"));
    }
  pack->set_cap(numberIn(says, "cap"));
  if (auto solve = says.getAs<StringAttr>("solve"))
    pack->set_solve(solve.str());
  if (auto zeroOnes = says.getAs<FloatAttr>("zero_ones"))
    pack->set_zero_ones(zeroOnes.getValueAsDouble());
}

LogicalResult addHostCommand(pg::sched::HostOp host, plan::Command &command,
                             SetSlot setSlot) {
  DictionaryAttr says = host.getParameters();
  auto buffer = [&](unsigned i) {
    return cast<pg::sched::BufAttr>(host.getBuffers()[i]);
  };
  auto isF64 = [&] {
    return cast<TypeAttr>(says.get("element")).getValue().isF64();
  };
  if (host.getRoutine() == "gptq" && host.getBuffers().size() == 4) {
    plan::Gptq *gptq = command.mutable_gptq();
    setSlot(gptq->mutable_weight(), buffer(0));
    setSlot(gptq->mutable_hessian(), buffer(1));
    setSlot(gptq->mutable_scale(), buffer(2));
    setSlot(gptq->mutable_codes(), buffer(3));
    gptq->set_rows(numberIn(says, "rows"));
    gptq->set_cols(numberIn(says, "cols"));
    gptq->set_type(isF64() ? plan::F64 : plan::F32);
    gptq->set_top(numberIn(says, "top"));
    gptq->set_block(numberIn(says, "block"));
    gptq->set_damp(cast<FloatAttr>(says.get("damp")).getValueAsDouble());
    return success();
  }
  if (host.getRoutine() == "svd" && host.getBuffers().size() == 4) {
    plan::Svd *svd = command.mutable_svd();
    setSlot(svd->mutable_matrix(), buffer(0));
    setSlot(svd->mutable_u(), buffer(1));
    setSlot(svd->mutable_s(), buffer(2));
    setSlot(svd->mutable_v(), buffer(3));
    svd->set_rows(numberIn(says, "rows"));
    svd->set_cols(numberIn(says, "cols"));
    svd->set_type(isF64() ? plan::F64 : plan::F32);
    svd->set_rank(numberIn(says, "rank"));
    return success();
  }
  return host.emitError("a plan has no command for '")
         << host.getRoutine() << "' on " << host.getBuffers().size()
         << " buffers";
}

} // namespace pgc
