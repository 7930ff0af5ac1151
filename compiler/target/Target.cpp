// Names of targets, and what this machine can do.
#include "compiler/target/Target.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;

namespace pgc {

static constexpr const char *linuxTriple = "x86_64-unknown-linux-gnu";

static Target makeAvx2() {
  return {"x86-64-v3", linuxTriple, "x86-64-v3", "", 256, false};
}

static Target makeAvx512(bool bf16) {
  return {bf16 ? "x86-64-v4+bf16" : "x86-64-v4",
          linuxTriple,
          "x86-64-v4",
          bf16 ? "+avx512bf16" : "",
          512,
          bf16};
}

FailureOr<Target> getTarget(StringRef name, std::string &error) {
  if (name == "x86-64-v3")
    return makeAvx2();
  if (name == "x86-64-v4" || name == "x86-64-v4+bf16")
    return makeAvx512(name.ends_with("+bf16"));
  if (name == "sm_90a") // `a` for wgmma, PTX 8.8 for what its bodies name
    return Target{"sm_90a", "nvptx64-nvidia-cuda", "sm_90a", "+ptx88", 128,
                  false};
  if (name != "native") {
    error = ("unknown target '" + name +
             "': native, x86-64-v3, x86-64-v4, x86-64-v4+bf16 and sm_90a are "
             "known")
                .str();
    return failure();
  }
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto has = [&](std::initializer_list<StringRef> names) {
    return llvm::all_of(
        names, [&](StringRef feature) { return features.lookup(feature); });
  };
  if (!has({"avx2", "fma", "bmi2", "f16c"})) {
    error = "this processor lacks AVX2 or FMA, which generated code needs: "
            "name another with --target";
    return failure();
  }
  Target target =
      has({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})
          ? makeAvx512(features.lookup("avx512bf16"))
          : makeAvx2();
  // The host's own name tunes instruction choice; its features come with it and
  // are stated only where the name may not say so.
  target.name = "native";
  target.cpu = llvm::sys::getHostCPUName().str();
  SmallVector<std::string> stated;
  for (auto &[feature, present] : features)
    stated.push_back(((present ? "+" : "-") + feature).str());
  llvm::sort(stated);
  target.features = llvm::join(stated, ",");
  return target;
}

} // namespace pgc
