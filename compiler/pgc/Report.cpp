#include "compiler/pgc/Report.h"
#include "runtime/plan/Numerics.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/predict/TimeReport.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

namespace pgc {

AssumedRates::AssumedRates(const Target &target, llvm::StringRef numerics) {
  if (target.isGpu()) {
    // NVIDIA's H100 SXM data sheet: dense bf16 on tensor cores, float32 and
    // float64 beside them, and HBM3.
    flops = pgrt::multipliesBf16(numerics) ? 989e12
            : numerics == "f64"            ? 34e12
                                           : 67e12;
    bytes = 3.35e12;
    return;
  }
  constexpr double hertz = 3e9;
  // Two fused multiply-adds of full vectors in a cycle; a dot product of bf16
  // does two in each lane.
  double perCycle = 2 * 2 * target.getLanes(numerics == "f64" ? 64 : 32);
  flops = hertz * perCycle *
          (pgrt::multipliesBf16(numerics) && target.bf16Dot ? 2 : 1);
  bytes = 10e9;
}

namespace {

using llvm::json::OStream;
using pgrt::plan::Plan;

void writeStrings(OStream &json, llvm::StringRef name,
                  llvm::ArrayRef<std::string> strings) {
  json.attributeArray(name, [&] {
    for (const std::string &string : strings)
      json.value(string);
  });
}

/// The leaves of a parameter's decoder.
void writeStored(OStream &json, const pgrt::plan::Quantizer &quantizer) {
  json.attributeArray("stored", [&] {
    for (const auto &leaf : quantizer.leaves())
      json.object([&] {
        bool codes = leaf.kind() == pgrt::plan::Leaf::CODES;
        json.attribute("kind", codes ? "codes" : "f16");
        if (codes) {
          json.attribute("lo", leaf.lo());
          json.attribute("hi", leaf.hi());
        }
        json.attributeArray("shape", [&] {
          for (int64_t size : leaf.shape())
            json.value(size);
        });
      });
  });
}

void writeTerms(OStream &json, const Program &program) {
  json.attributeArray("loss_terms", [&] {
    for (const LossTermInfo &term : program.lossTerms())
      json.object([&] {
        json.attribute("name", term.name);
        json.attribute("declared", term.place);
        json.attribute("active", !term.phases.empty());
        writeStrings(json, "phases", term.phases);
      });
  });
}

void writeParameters(OStream &json, const Plan &plan, const Program &program) {
  llvm::StringMap<const ParameterInfo *> infos;
  for (const ParameterInfo &parameter : program.parameters())
    infos[parameter.name] = &parameter;
  llvm::StringMap<std::string> quantizers;
  for (const auto &quantizer : plan.quantization().quantizers())
    quantizers[plan.parameters(quantizer.parameter()).name()] =
        quantizer.rule();
  json.attributeArray("parameters", [&] {
    for (int i = 0; i < plan.parameters_size(); ++i)
      json.object([&] {
        const auto &parameter = plan.parameters(i);
        const ParameterInfo &info = *infos.at(parameter.name());
        json.attribute("name", parameter.name());
        json.attributeArray("shape", [&] {
          for (int64_t size : parameter.shape())
            json.value(size);
        });
        json.attribute("group", parameter.group());
        json.attribute("declared", info.place);
        json.attribute("optimizer", info.optimizer);
        json.attribute("quantizer", quantizers.lookup(parameter.name()));
        if (i < plan.quantization().quantizers_size())
          writeStored(json, plan.quantization().quantizers(i));
        writeStrings(json, "reached_by", info.reachedBy);
        writeStrings(json, "phases", info.phases);
      });
  });
  json.attribute("parameter_count", program.parameterCount());
}

void writeArenas(OStream &json, const Plan &plan) {
  int64_t total = 0;
  json.attributeArray("arenas", [&] {
    for (const auto &arena : plan.arenas()) {
      int64_t instances = arena.alias_of().empty()
                              ? std::max<int64_t>(1, arena.instances())
                              : 0;
      total += arena.bytes() * instances;
      json.object([&] {
        json.attribute("name", arena.name());
        json.attribute("bytes", arena.bytes());
        json.attribute("instances", instances);
      });
    }
  });
  json.attribute("memory_bytes", total);
}

void writePrograms(OStream &json, const Plan &plan, const AssumedRates &rates) {
  json.attributeArray("programs", [&] {
    for (const auto &program : plan.programs()) {
      double flops = 0, bytes = 0, seconds = 0;
      int64_t launches = 0, copies = 0;
      llvm::StringMap<std::pair<int64_t, double>>
          kinds; // launches and FLOPs by kind
      for (const auto &command : program.commands()) {
        if (!command.has_launch()) {
          ++copies;
          continue;
        }
        const auto &kernel = plan.kernels(command.launch().kernel());
        ++launches;
        flops += kernel.flops();
        bytes += kernel.bytes();
        seconds += std::max(kernel.flops() / rates.flops,
                            kernel.bytes() / rates.bytes);
        auto &kind = kinds[kernel.kind()];
        ++kind.first;
        kind.second += kernel.flops();
      }
      json.object([&] {
        json.attribute("name", program.name());
        json.attribute("role", program.role());
        json.attributeArray("phases", [&] {
          for (const std::string &phase : program.phases())
            json.value(phase);
        });
        json.attribute("batch", program.batch());
        json.attribute("seq", program.seq());
        json.attribute("flops", flops);
        json.attribute("model_flops", program.model_flops());
        json.attribute("bytes", bytes);
        json.attribute("predicted_thread_seconds", seconds);
        json.attribute("launches", launches);
        json.attribute("copies", copies);
        json.attributeObject("kinds", [&] {
          std::vector<llvm::StringRef> names;
          for (const auto &kind : kinds)
            names.push_back(kind.getKey());
          llvm::sort(names);
          for (llvm::StringRef name : names)
            json.attributeObject(name, [&] {
              json.attribute("launches", kinds[name].first);
              json.attribute("flops", kinds[name].second);
            });
        });
      });
    }
  });
}

void writeFrame(OStream &json, const FunctionFrame &frame) {
  json.attribute("stack_bytes", frame.stackBytes);
  json.attribute("spills", frame.spills);
  json.attribute("reloads", frame.reloads);
}

/// Functions that are no kernel's own are those that kernels share.
void writeTargets(OStream &json, const Plan &plan,
                  llvm::ArrayRef<TargetCode> code) {
  llvm::StringSet<> kernels;
  for (const auto &kernel : plan.kernels())
    kernels.insert(kernel.symbol());
  json.attributeArray("targets", [&] {
    for (auto [section, of] : llvm::zip_equal(plan.code(), code))
      json.object([&, &section = section, &of = of] {
        json.attribute("name", section.target());
        json.attribute("code_bytes", int64_t(section.object().size()));
        if (of.target.isGpu()) {
          json.attribute("ptx_bytes", int64_t(section.ptx().size()));
          json.attribute("assembled", !section.object().empty());
          return;
        }
        json.attribute("vector_bits", of.target.vectorBits);
        json.attribute("vector_registers",
                       of.target.vectorBits == 512 ? 32 : 16);
        json.attributeArray("shared_functions", [&] {
          for (const FunctionFrame &frame : of.frames)
            if (!kernels.contains(frame.name))
              json.object([&] {
                json.attribute("name", frame.name);
                writeFrame(json, frame);
              });
        });
      });
  });
}

/// FLOPs of all launches of a program, for one window.
double flopsOfWindow(const Plan &plan, const pgrt::plan::Program &program) {
  double flops = 0;
  for (const auto &command : program.commands())
    if (command.has_launch())
      flops += plan.kernels(command.launch().kernel()).flops();
  return flops / std::max<int64_t>(1, program.batch());
}

/// What evaluations cost, and what is saved where only the end of a window is
/// scored.
void writeEvaluations(OStream &json, const Plan &plan) {
  json.attributeArray("evaluations", [&] {
    for (const auto &evaluation : plan.evaluations())
      json.object([&] {
        json.attribute("stage", evaluation.stage());
        json.attribute("kind", evaluation.kind());
        json.attribute("seq", evaluation.seq());
        if (evaluation.kind() == "documents")
          return;
        double whole = flopsOfWindow(plan, plan.programs(evaluation.score()));
        json.attribute("flops_per_window", whole);
        if (!evaluation.has_tail())
          return;
        double tail = flopsOfWindow(plan, plan.programs(evaluation.tail()));
        json.attribute("stride", evaluation.stride());
        json.attribute("flops_per_window_pruned", tail);
        json.attribute("flops_saved", 1 - tail / whole);
      });
  });
}

void writeLaunch(OStream &json, const pgrt::plan::GpuLaunch &launch) {
  json.attribute("blocks",
                 int64_t(launch.grid_x()) * launch.grid_y() * launch.grid_z());
  json.attribute("threads", int64_t(launch.threads()));
  json.attribute("dynamic_shared_bytes", int64_t(launch.shared_bytes()));
}

void writeResources(OStream &json, const TargetCode &of,
                    const GpuResources &resources, bool isAssembled) {
  json.attribute("target", of.target.name);
  json.attribute("tensor_core_instructions", resources.tensorCore);
  if (!isAssembled)
    return;
  json.attribute("registers", resources.registers);
  json.attribute("static_shared_bytes", resources.sharedBytes);
  json.attribute("stack_bytes", resources.stackBytes);
  json.attribute("spill_store_bytes", resources.spillStores);
  json.attribute("spill_load_bytes", resources.spillLoads);
}

void writeKernels(OStream &json, const Plan &plan,
                  llvm::ArrayRef<TargetCode> code) {
  std::vector<int64_t> launches(plan.kernels_size());
  for (const auto &program : plan.programs())
    for (const auto &command : program.commands())
      if (command.has_launch())
        ++launches[command.launch().kernel()];
  bool isAssembled = !plan.code(0).object().empty();
  json.attributeArray("kernels", [&] {
    for (int i = 0; i < plan.kernels_size(); ++i)
      json.object([&] {
        const auto &kernel = plan.kernels(i);
        json.attribute("name", kernel.symbol());
        json.attribute("kind", kernel.kind());
        json.attribute("chunks", kernel.chunks());
        json.attribute("scratch_bytes", kernel.scratch_bytes());
        json.attribute("flops", kernel.flops());
        json.attribute("bytes", kernel.bytes());
        json.attribute("launches", launches[i]);
        if (kernel.has_gpu())
          writeLaunch(json, kernel.gpu());
        if (kernel.has_library())
          json.attribute("library", true);
        json.attributeArray("code", [&] {
          for (const TargetCode &of : code)
            for (const GpuResources &resources : of.resources)
              if (resources.name == kernel.symbol())
                json.object(
                    [&] { writeResources(json, of, resources, isAssembled); });
          for (const TargetCode &of : code)
            for (const FunctionFrame &frame : of.frames)
              if (frame.name == kernel.symbol())
                json.object([&] {
                  json.attribute("target", of.target.name);
                  writeFrame(json, frame);
                });
        });
      });
  });
}

/// What the plan for a GPU is predicted to take, if there is one.
void writePredictedTimes(OStream &json, const Plan &plan) {
  const Plan *gpuPlan = pgrt::findGpuPlan(plan);
  if (!gpuPlan)
    return;
  const pgrt::Machine &machine = pgrt::h100();
  pgrt::JsonWriter times;
  pgrt::writeTimes(
      times, *gpuPlan,
      pgrt::predictPlan(*gpuPlan, machine, pgrt::mostRanks(*gpuPlan, machine)));
  json.attributeBegin("predicted_times");
  json.rawValue(times.text());
  json.attributeEnd();
}

/// What one device takes.
void writeDevice(OStream &json, const Plan &plan,
                 llvm::ArrayRef<TargetCode> code) {
  const AssumedRates rates(code.front().target, plan.numerics());
  json.attribute("numerics", plan.numerics());
  writeTargets(json, plan, code);
  writeArenas(json, plan);
  json.attributeObject("assumed_rates_of_a_thread", [&] {
    json.attribute("flops", rates.flops);
    json.attribute("bytes", rates.bytes);
  });
  writePrograms(json, plan, rates);
  writeEvaluations(json, plan);
  writeKernels(json, plan, code);
}

} // namespace

std::string makeReport(const Plan &plan, const Program &program,
                       llvm::ArrayRef<llvm::ArrayRef<TargetCode>> code,
                       llvm::StringRef warnings) {
  std::string text;
  llvm::raw_string_ostream os(text);
  OStream json(os, /*IndentSize=*/1);
  json.object([&] {
    json.attribute("model", plan.model_name());
    json.attribute("producer", plan.producer());
    writeTerms(json, program);
    writeParameters(json, plan, program);
    writeDevice(json, plan, code.front());
    json.attributeArray("devices", [&] {
      for (auto [other, of] :
           llvm::zip_equal(plan.devices(), code.drop_front()))
        json.object(
            [&, &other = other, &of = of] { writeDevice(json, other, of); });
    });
    writePredictedTimes(json, plan);
    json.attributeArray("warnings", [&] {
      llvm::SmallVector<llvm::StringRef> lines;
      warnings.split(lines, '\n', -1, /*KeepEmpty=*/false);
      for (llvm::StringRef line : lines)
        if (line.contains(" warning: "))
          json.value(line);
    });
  });
  os << '\n';
  return text;
}

} // namespace pgc
