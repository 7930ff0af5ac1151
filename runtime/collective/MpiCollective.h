// Ranks that an MPI launcher started: mpirun, or Slurm.
#pragma once

#include "runtime/collective/Collective.h"

#include <memory>

namespace pgrt {

/// The variable by which a launcher tells this process that it is one of
/// several ("OMPI_COMM_WORLD_SIZE=4"); empty if nothing does.
std::string launcherVariable();

/// Opens pgrt-mpi.so, which lies beside this program, and meets the other
/// ranks. Throws Error (Machine) if that cannot be had. The process must end by
/// _exit if finish() was not called: MPI's own end waits for all.
std::unique_ptr<Collective> openMpi();

} // namespace pgrt
