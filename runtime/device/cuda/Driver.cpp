#include "runtime/device/cuda/Driver.h"
#include "runtime/support/Error.h"
#include "runtime/support/SharedLibrary.h"

namespace pgrt::cuda {

// The first with tensor maps.
static constexpr int oldestVersion = 12000;

static std::string versionText(int version) {
  return cat(version / 1000, ".", version % 1000 / 10);
}

// What is wrong is said before functions are looked up that an old driver
// lacks.
static void checkVersion(const SharedLibrary &library, int &version) {
  CUresult (*get)(int *) = nullptr;
  library.load(get, "cuDriverGetVersion");
  if (get(&version) == CUDA_SUCCESS && version < oldestVersion)
    failMachine("the NVIDIA driver is for CUDA ", versionText(version),
                ", at least ", versionText(oldestVersion),
                " is needed: install driver 525 or newer");
}

Driver::Driver() {
  SharedLibrary library({"libcuda.so.1"});
  if (!library.found())
    failMachine("there is no NVIDIA driver on this machine (",
                library.problem(), "): install it, or use --device cpu");
  checkVersion(library, versionNumber);
#define PGRT_CUDA_LOAD(name, symbol, parameters) library.load(name, #symbol);
  PGRT_CUDA_FUNCTIONS(PGRT_CUDA_LOAD)
#undef PGRT_CUDA_LOAD

  CUresult result = cuInit(0);
  if (result == CUDA_SUCCESS)
    result = cuDeviceGetCount(&count);
  if (result == CUDA_ERROR_NO_DEVICE || (result == CUDA_SUCCESS && count == 0))
    failMachine("the NVIDIA driver sees no GPU: there is none, or "
                "CUDA_VISIBLE_DEVICES hides it; see nvidia-smi, or use "
                "--device cpu");
  if (result == CUDA_ERROR_SYSTEM_NOT_READY)
    failMachine("the GPUs are not ready: a machine with NVSwitch needs the "
                "service nvidia-fabricmanager, of the driver's version");
  if (result == CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)
    failMachine("the kernel's NVIDIA driver and libcuda.so.1 are of different "
                "versions: reboot, or reload the kernel's module");
  check(result, "cannot start the NVIDIA driver");
}

std::string Driver::version() const { return versionText(versionNumber); }

std::string Driver::explain(CUresult result) const {
  const char *name = nullptr, *text = nullptr;
  if (cuGetErrorName(result, &name) != CUDA_SUCCESS || !name)
    name = "an error that this driver does not know";
  if (cuGetErrorString(result, &text) != CUDA_SUCCESS || !text)
    text = "no explanation";
  return cat(text, " (", name, ", ", result, ")");
}

void Driver::fail(CUresult result, const std::string &doing) const {
  failMachine(doing, ": ", explain(result));
}

} // namespace pgrt::cuda
