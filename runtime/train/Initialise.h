// Initial values of parameters, averages and states.
#pragma once

#include "runtime/executor/Executor.h"
#include "runtime/support/Safetensors.h"

#include <cstdint>

namespace pgrt {

/// Draws all parameters from (seed, full name) and sets the states. What starts
/// as zero is not touched: arenas are zero, and memory that nobody touched
/// costs no time.
void initialise(Executor &executor, uint64_t seed);

/// The same but for the parameters, which loadWeights then fills: drawing them
/// takes longer than reading them.
void initialiseStates(Executor &executor, uint64_t seed);

/// Copies the parameters to the averages, where there are any: averages start
/// as the initial weights.
void startAverages(Executor &executor);

/// The averages replace the weights.
void useAverages(Executor &executor);

/// Loads all parameters from a safetensors file. Throws Error if one is
/// missing, has another shape or is not of a float type, or if the file has a
/// tensor that the plan does not know; the message offers the nearest name.
void loadWeights(Executor &executor, const SafetensorsFile &file);

enum class WeightKind { Parameters, Averages, Gradients };

/// Writes all parameters (their averages, where there are any; their gradients
/// as "grad.<name>") under their names, in the order of declaration. `asFloat`:
/// F32 whatever their type. `more` tensors come first.
void saveWeights(const Executor &executor, WeightKind kind,
                 const std::string &path, bool asFloat = false,
                 std::vector<TensorSource> more = {});

} // namespace pgrt
