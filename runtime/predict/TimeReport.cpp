#include "runtime/predict/TimeReport.h"
#include "runtime/support/Text.h"

#include <algorithm>

namespace pgrt {

namespace {

std::string milliseconds(double seconds) {
  return formatted("%.3f", seconds * 1e3);
}

std::string readableFlops(double flops) {
  static constexpr const char *units[] = {"FLOP",  "kFLOP", "MFLOP",
                                          "GFLOP", "TFLOP", "PFLOP"};
  size_t unit = 0;
  while (flops >= 999.5 && unit + 1 < std::size(units))
    flops /= 1000, ++unit;
  return formatted("%.3g %s", flops, units[unit]);
}

std::string partLine(const StepPart &part) {
  std::string runs = part.runs == 1 ? "" : formatted(" × %g", part.runs);
  // The sign × takes two bytes in a width that counts bytes.
  int width = part.runs == 1 ? 30 : 31;
  return formatted("  %-*s %8lld %12s %10s %10s %10s  %s\n", width,
                   (part.name + runs).c_str(), (long long)part.launches,
                   readableFlops(part.flops).c_str(),
                   readableBytes(part.bytes).c_str(),
                   part.nvlink > 0 ? readableBytes(part.nvlink).c_str() : "",
                   milliseconds(part.seconds).c_str(), part.bound.c_str());
}

std::string exchangeLine(const GradientExchange &exchange) {
  std::string sizes;
  for (double bytes : exchange.buckets)
    sizes += (sizes.empty() ? "" : ", ") + readableBytes(bytes);
  return formatted("  gradients: in buckets of %s, exchanged and added in %.3f "
                   "ms, of which %.3f ms hide behind the last run\n",
                   sizes.c_str(), exchange.seconds * 1e3,
                   (exchange.seconds - exchange.exposed) * 1e3);
}

std::string limitLines(const StepTime &step, const Machine &machine) {
  std::string text = formatted(
      "  goal: %.1f ms, %g times the floor\n"
      "  of products on tensor cores and attention alone, without gaps:\n",
      step.goalSeconds * 1e3, machine.goal);
  auto line = [&](const char *what, double seconds) {
    text += formatted("    %-52s %7.1f ms, %.2f times the floor: %s\n", what,
                      seconds * 1e3, seconds / step.floorSeconds,
                      seconds > step.goalSeconds
                          ? "past the goal"
                          : formatted("%.1f ms are left of the goal",
                                      (step.goalSeconds - seconds) * 1e3)
                                .c_str());
  };
  line("as planned", step.limits.planned);
  line("each at the best published rate of its kind", step.limits.published);
  line("the same, attention's gradient summed in order", step.limits.ordered);
  return text;
}

std::string stepTable(const StepTime &step, const PlanTime &times) {
  std::string text =
      formatted("a step, phase %s, on %d %s\n", step.phase.c_str(), times.ranks,
                times.ranks == 1 ? "GPU" : "GPUs: of each");
  text += formatted("  %-30s %8s %12s %10s %10s %10s  %s\n", "", "launches",
                    "arithmetic", "HBM", "NVLink", "ms", "bound by");
  for (const StepPart &part : step.parts)
    text += partLine(part);
  text += partLine(step.total);
  if (!step.exchange.buckets.empty())
    text += exchangeLine(step.exchange);
  text += formatted("  floor: %s of useful work at %.0f TFLOP/s takes %.1f ms; "
                    "the step takes %.2f times as long\n",
                    readableFlops(step.modelFlops).c_str(),
                    times.machine->reference * 1e-12, step.floorSeconds * 1e3,
                    step.total.seconds / step.floorSeconds);
  return text + limitLines(step, *times.machine) + "\n";
}

std::string shareLine(const std::string &name, const Share &share) {
  return formatted(
      "  %-30s %8lld %12s %10s %21s  %s\n", name.c_str(),
      (long long)share.launches, readableFlops(share.flops).c_str(),
      readableBytes(share.bytes).c_str(), milliseconds(share.seconds).c_str(),
      boundName(share.bound()));
}

std::string programTable(const ProgramTime &time) {
  std::string text = cat("program ", time.program->name(), ", one run\n");
  for (const auto &[kind, share] : time.kinds)
    text += shareLine(kind, share);
  text += shareLine("all, one after the other", time.total);
  const Overlap &overlap = time.overlap;
  return text + formatted("  %-30s %53s  the longest chain takes %s\n\n",
                          cat("in ", overlap.lanes, " lanes").c_str(),
                          milliseconds(overlap.seconds).c_str(),
                          milliseconds(overlap.critical).c_str());
}

/// The kernels' shares in a step, the longest first.
std::vector<std::pair<int, Share>> kernelShares(const StepTime &step) {
  std::vector<std::pair<int, Share>> sorted(step.kernels.begin(),
                                            step.kernels.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) {
    return std::pair(-a.second.seconds, a.first) <
           std::pair(-b.second.seconds, b.first);
  });
  return sorted;
}

std::string kernelTable(const plan::Plan &plan, const StepTime &step,
                        const PlanTime &times) {
  constexpr size_t most = 30;
  std::string text =
      cat("kernels that take most of a step, phase ", step.phase, "\n");
  text += formatted("  %-30s %-15s %8s %9s %9s %10s  %s\n", "", "kind",
                    "launches", "us each", "ms", "TFLOP/s", "bound by");
  std::vector<std::pair<int, Share>> sorted = kernelShares(step);
  sorted.resize(std::min(sorted.size(), most));
  for (const auto &[kernel, share] : sorted) {
    if (share.launches == 0)
      break;
    const KernelTime &time = times.kernelTimes[size_t(kernel)];
    const KernelFacts &facts = times.facts[size_t(kernel)];
    text += formatted("  %-30s %-15s %8lld %9.1f %9.3f %10.1f  %s\n",
                      plan.kernels(kernel).symbol().c_str(), facts.kind.c_str(),
                      (long long)share.launches, time.seconds * 1e6,
                      share.seconds * 1e3, facts.flops / time.seconds * 1e-12,
                      boundName(time.bound));
  }
  return text + "\n";
}

std::string rateTable() {
  std::string text = "rates\n";
  for (const Rate &rate : h100Rates()) {
    text += formatted("  %-36s %.4g %s\n", rate.name.c_str(), rate.value,
                      rate.unit.c_str());
    text += "      " + rate.figure + "\n      " + rate.source + "\n";
    if (!rate.carried.empty())
      text += "      " + rate.carried + "\n";
  }
  return text;
}

} // namespace

std::string timeTables(const plan::Plan &plan, const PlanTime &times) {
  std::string text = cat("predicted for ", times.machine->name,
                         ", not measured: what this rests on is below, and in "
                         "runtime/predict/time-model.md\n\n");
  text += formatted("memory of a GPU: %.2f GiB\n\n",
                    double(times.memoryBytes) / double(1 << 30));
  for (const StepTime &step : times.steps)
    text += stepTable(step, times);
  for (const ProgramTime &time : times.programs)
    text += programTable(time);
  for (const StepTime &step : times.steps)
    text += kernelTable(plan, step, times);
  return text + rateTable();
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static void writeShare(JsonWriter &json, const Share &share) {
  json.field("launches", share.launches)
      .field("flops", share.flops)
      .field("hbm_bytes", share.bytes)
      .field("seconds", share.seconds)
      .field("bound", boundName(share.bound()));
}

static void writePart(JsonWriter &json, const StepPart &part) {
  json.field("name", part.name)
      .field("runs", part.runs)
      .field("launches", part.launches)
      .field("flops", part.flops)
      .field("hbm_bytes", part.bytes)
      .field("nvlink_bytes", part.nvlink)
      .field("seconds", part.seconds)
      .field("bound", part.bound);
}

static void writeStep(JsonWriter &json, const StepTime &step) {
  json.beginObject()
      .field("phase", step.phase)
      .field("launches", step.total.launches)
      .field("flops", step.total.flops)
      .field("hbm_bytes", step.total.bytes)
      .field("nvlink_bytes", step.total.nvlink)
      .field("seconds", step.total.seconds)
      .field("model_flops", step.modelFlops)
      .field("floor_seconds", step.floorSeconds)
      .field("times_floor", step.total.seconds / step.floorSeconds)
      .field("goal_seconds", step.goalSeconds)
      .field("products_seconds", step.limits.planned)
      .field("products_seconds_published", step.limits.published)
      .field("products_seconds_published_ordered", step.limits.ordered)
      .field("gradient_buckets", int64_t(step.exchange.buckets.size()))
      .field("gradient_exchange_seconds", step.exchange.seconds)
      .field("gradient_exchange_seconds_exposed", step.exchange.exposed);
  json.key("parts").beginArray();
  for (const StepPart &part : step.parts) {
    json.beginObject();
    writePart(json, part);
    json.endObject();
  }
  json.endArray().endObject();
}

void writeTimes(JsonWriter &json, const plan::Plan &plan,
                const PlanTime &times) {
  json.beginObject()
      .field("machine", times.machine->name)
      .field("gpus", times.ranks)
      .field("memory_bytes_of_a_gpu", times.memoryBytes);
  json.key("steps").beginArray();
  for (const StepTime &step : times.steps)
    writeStep(json, step);
  json.endArray().key("programs").beginArray();
  for (const ProgramTime &time : times.programs) {
    json.beginObject().field("name", time.program->name());
    writeShare(json, time.total);
    json.field("lanes", time.overlap.lanes)
        .field("seconds_in_lanes", time.overlap.seconds)
        .field("longest_chain_seconds", time.overlap.critical);
    json.key("kinds").beginObject();
    for (const auto &[kind, share] : time.kinds) {
      json.key(kind).beginObject();
      writeShare(json, share);
      json.endObject();
    }
    json.endObject().endObject();
  }
  json.endArray().key("kernels").beginArray();
  for (int i = 0; i < plan.kernels_size(); ++i) {
    const KernelTime &time = times.kernelTimes[size_t(i)];
    json.beginObject()
        .field("name", plan.kernels(i).symbol())
        .field("kind", times.facts[size_t(i)].kind)
        .field("seconds", time.seconds)
        .field("bound", boundName(time.bound))
        .field("rate", time.rate)
        .field("rate_of", time.rateName)
        .endObject();
  }
  json.endArray().key("rates").beginArray();
  for (const Rate &rate : h100Rates())
    json.beginObject()
        .field("name", rate.name)
        .field("value", rate.value)
        .field("unit", rate.unit)
        .field("figure", rate.figure)
        .field("source", rate.source)
        .field("carried_over", rate.carried)
        .endObject();
  json.endArray().endObject();
}

} // namespace pgrt
