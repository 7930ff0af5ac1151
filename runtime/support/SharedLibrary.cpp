#include "runtime/support/SharedLibrary.h"
#include "runtime/support/Error.h"

#include <dlfcn.h>

namespace pgrt {

SharedLibrary::SharedLibrary(const std::vector<const char *> &names) {
  for (const char *name : names) {
    handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    opened = name;
    if (handle)
      return;
    wrong = dlerror();
  }
}

void *SharedLibrary::address(const char *symbol) const {
  void *found = dlsym(handle, symbol);
  if (!found)
    failMachine("'", opened, "' has no ", symbol,
                ": it is too old; install a newer one");
  return found;
}

} // namespace pgrt
