// Compares the gradients of a plan's probe programs with finite differences:
//   gradient-check PLAN [--coordinates N] [--step H] [--progress X]
// The plan must be made with --numerics=f64, --probe=BxT and
// --hold-stop-gradients. Each parameter is moved along a direction of unit
// length, half its gradient and half random; with --coordinates N in so many of
// its elements only, for losses that jump. Random weights, random tokens.
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/executor/Executor.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Philox.h"
#include "runtime/train/Initialise.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

using namespace pgrt;

namespace {

/// Of the gradient's magnitude; and what rounding of a loss near 1 leaves of
/// differences, over the step.
constexpr double relative = 1e-6, rounding = 1e-13;
constexpr double jitter = 0.05; // so that nothing stands at its initial zero
constexpr uint64_t seed = 5;

using Vector = std::vector<double>;

Vector normals(const std::string &stream, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  PhiloxStream(seed, stream).normals(0, count, 1.0f, values.data());
  return {values.begin(), values.end()};
}

double dot(const Vector &a, const Vector &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

void scale(Vector &a, double factor) {
  for (double &x : a)
    x *= factor;
}

class Checker {
public:
  Checker(const plan::Plan &plan, Device &device, int64_t coordinates,
          double step, double progress)
      : plan(plan), executor(plan, device), coordinates(coordinates),
        step(step), scalars(evaluateScalars(plan, 0, progress)) {
    for (int i = 0; i < plan.arenas_size(); ++i)
      if (plan.arenas(i).name() == "gradients")
        gradients = i;
    initialise(executor, seed);
    for (const plan::Parameter &parameter : plan.parameters()) {
      if (parameter.type() != plan::F64)
        failInput("gradients are checked in double: compile with "
                  "--numerics=f64");
      Vector &base = weights[parameter.name()] =
          read(parameter.slot(), count(parameter));
      Vector noise = normals(parameter.name() + " jitter", base.size());
      for (size_t i = 0; i < base.size(); ++i)
        base[i] += jitter * noise[i];
      write(parameter.slot(), base);
    }
    for (const plan::State &state : plan.states()) {
      size_t suffix = state.name().rfind(":base");
      if (suffix != std::string::npos)
        write(state.slot(), weights.at(state.name().substr(0, suffix)));
    }
  }

  /// Whether all gradients of this program are right.
  bool check(const plan::Program &program) {
    setTokens(program);
    executor.clearArena(gradients);
    double loss = run(program);
    std::map<std::string, Vector> all;
    for (const plan::Parameter &parameter : plan.parameters())
      if (parameter.has_gradient())
        all[parameter.name()] = read(parameter.gradient(), count(parameter));
    double worst = 0;
    bool good = std::isfinite(loss);
    int checked = 0, moved = 0;
    for (const plan::Parameter &parameter : plan.parameters()) {
      if (!parameter.has_gradient())
        continue;
      const Vector &gradient = all[parameter.name()];
      double length = std::sqrt(dot(gradient, gradient));
      Vector direction = choose(parameter.name(), gradient, length);
      double expected = differentiate(program, parameter, direction);
      double actual = dot(gradient, direction);
      double allowed = relative * length + rounding / step;
      ++checked;
      moved += length > 0;
      worst = std::max(worst, std::fabs(actual - expected) / allowed);
      if (std::fabs(actual - expected) <= allowed)
        continue;
      good = false;
      std::printf("%s: %s: the gradient gives %.9g along a direction, finite "
                  "differences %.9g\n",
                  program.name().c_str(), parameter.name().c_str(), actual,
                  expected);
    }
    std::printf("%s: loss %.6f, %d parameters, %d with a gradient, worst error "
                "%.3f of what is allowed\n",
                program.name().c_str(), loss, checked, moved, worst);
    return good && moved > 0;
  }

private:
  static int64_t count(const plan::Parameter &parameter) {
    int64_t n = 1;
    for (int64_t size : parameter.shape())
      n *= size;
    return n;
  }

  Vector read(const plan::Slot &slot, int64_t n) {
    Vector values(static_cast<size_t>(n));
    executor.device().read(values.data(), executor.address(slot), n * 8);
    return values;
  }

  void write(const plan::Slot &slot, const Vector &values) {
    executor.device().write(executor.address(slot), values.data(),
                            int64_t(values.size()) * 8);
  }

  void setTokens(const plan::Program &program) {
    int64_t n = program.batch() * program.seq();
    std::vector<int64_t> tokens(static_cast<size_t>(n + 1));
    PhiloxStream stream(seed, "tokens");
    for (int64_t i = 0; i <= n; ++i)
      tokens[size_t(i)] = int64_t(stream.below(uint64_t(i), plan.vocab()));
    executor.writePort(*findPort(program.inputs(), "tokens"), tokens.data());
    executor.writePort(*findPort(program.inputs(), "targets"),
                       tokens.data() + 1);
  }

  /// The loss at the present weights.
  double run(const plan::Program &program) {
    if (const plan::Program *prepare = findProgram(plan, "prepare"))
      executor.run(*prepare, scalars);
    executor.run(program, scalars);
    return executor.readScalar(*findPort(program.outputs(), "loss"));
  }

  Vector choose(const std::string &name, const Vector &gradient,
                double length) {
    Vector direction = normals(name + " direction", gradient.size());
    scale(direction, 1 / std::sqrt(dot(direction, direction)));
    for (size_t i = 0; length > 0 && i < gradient.size(); ++i)
      direction[i] += gradient[i] / (2 * length); // never all away
    if (coordinates) {
      PhiloxStream stream(seed, name + " coordinates");
      Vector few(direction.size());
      for (int64_t i = 0; i < coordinates; ++i) {
        uint64_t at = stream.below(uint64_t(i), few.size());
        few[at] = direction[at];
      }
      direction = few;
    }
    scale(direction, 1 / std::sqrt(dot(direction, direction)));
    return direction;
  }

  /// Central differences of fourth order.
  double differentiate(const plan::Program &program,
                       const plan::Parameter &parameter,
                       const Vector &direction) {
    const Vector &base = weights[parameter.name()];
    auto lossAt = [&](double distance) {
      Vector moved = base;
      for (size_t i = 0; i < moved.size(); ++i)
        moved[i] += distance * direction[i];
      write(parameter.slot(), moved);
      return run(program);
    };
    const double h = step;
    double near = lossAt(h) - lossAt(-h), far = lossAt(2 * h) - lossAt(-2 * h);
    write(parameter.slot(), base);
    return (8 * near - far) / (12 * h);
  }

  const plan::Plan &plan;
  Executor executor;
  int64_t coordinates;
  double step;
  std::vector<double> scalars;
  std::map<std::string, Vector> weights;
  int gradients = -1;
};

} // namespace

int main(int argc, char **argv) {
  std::string path;
  int64_t coordinates = 0;
  double step = 1e-4, progress = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--coordinates") && i + 1 < argc)
      coordinates = std::atoll(argv[++i]);
    else if (!std::strcmp(argv[i], "--step") && i + 1 < argc)
      step = std::atof(argv[++i]);
    else if (!std::strcmp(argv[i], "--progress") && i + 1 < argc)
      progress = std::atof(argv[++i]);
    else
      path = argv[i];
  }
  try {
    std::unique_ptr<LoadedPlan> loaded = loadPlan(path);
    CpuDevice device(1);
    Checker checker(loaded->plan, device, coordinates, step, progress);
    bool good = true;
    int programs = 0;
    for (const plan::Program &program : loaded->plan.programs())
      if (program.role() == "probe") {
        good &= checker.check(program);
        ++programs;
      }
    if (!programs)
      failInput("the plan has no program to probe");
    return good ? 0 : 1;
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
