// The safetensors format: u64 size of a JSON header, the header, the tensors'
// bytes. Reader and writer.
#pragma once

#include "runtime/support/MappedFile.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace pgrt {

struct TensorInfo {
  std::string name;
  std::string type; // "F32", "F64", "F16", "BF16", "I64", …
  std::vector<int64_t> shape;

  /// The format's sizes; 0 for a type that is not known here.
  int64_t elementBytes() const;
  int64_t elements() const;
};

/// Opens and checks a file: header size, JSON, names, types, and that offsets
/// and shapes agree and lie within the file.
class SafetensorsFile {
public:
  explicit SafetensorsFile(const std::string &path);

  const std::string &path() const { return file.path(); }
  const std::vector<TensorInfo> &tensors() const { return list; }
  /// Null if there is none of that name.
  const TensorInfo *find(const std::string &name) const;
  const char *data(const TensorInfo &tensor) const;
  /// Converts a tensor of type F64, F32, F16 or BF16 to float or double; throws
  /// Error for other types.
  void read(const TensorInfo &tensor, float *out) const {
    read(tensor, 0, tensor.elements(), out);
  }
  void read(const TensorInfo &tensor, double *out) const {
    read(tensor, 0, tensor.elements(), out);
  }
  /// The same of `count` of its elements, from number `begin` on.
  void read(const TensorInfo &tensor, int64_t begin, int64_t count,
            float *out) const;
  void read(const TensorInfo &tensor, int64_t begin, int64_t count,
            double *out) const;

private:
  MappedFile file;
  std::vector<TensorInfo> list;
  std::vector<size_t> offsets;
  std::map<std::string, size_t> byName;
};

struct TensorSource {
  TensorInfo info;
  const void *data; // info.elements() × info.elementBytes() bytes
};

/// Writes the tensors in the order given, atomically. Equal input gives equal
/// bytes.
void writeSafetensors(const std::string &path,
                      const std::vector<TensorSource> &tensors);

} // namespace pgrt
