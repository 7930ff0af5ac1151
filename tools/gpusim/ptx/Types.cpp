#include "tools/gpusim/ptx/Syntax.h"

namespace gpusim {

unsigned typeBytes(Type type) {
  switch (type) {
  case Type::B8:
  case Type::U8:
  case Type::S8:
    return 1;
  case Type::B16:
  case Type::U16:
  case Type::S16:
  case Type::F16:
  case Type::BF16:
    return 2;
  case Type::B32:
  case Type::U32:
  case Type::S32:
  case Type::F32:
  case Type::F16x2:
  case Type::BF16x2:
  case Type::TF32:
    return 4;
  case Type::B64:
  case Type::U64:
  case Type::S64:
  case Type::F64:
    return 8;
  case Type::None:
  case Type::Pred:
    break;
  }
  return 0;
}

bool isSigned(Type type) {
  return type == Type::S8 || type == Type::S16 || type == Type::S32 ||
         type == Type::S64;
}

bool isFloat(Type type) {
  return type == Type::F16 || type == Type::BF16 || type == Type::F16x2 ||
         type == Type::BF16x2 || type == Type::F32 || type == Type::F64 ||
         type == Type::TF32;
}

Type typeNamed(const std::string &name) {
  static const std::map<std::string, Type> types = {
      {"b8", Type::B8},     {"b16", Type::B16},       {"b32", Type::B32},
      {"b64", Type::B64},   {"u8", Type::U8},         {"u16", Type::U16},
      {"u32", Type::U32},   {"u64", Type::U64},       {"s8", Type::S8},
      {"s16", Type::S16},   {"s32", Type::S32},       {"s64", Type::S64},
      {"f16", Type::F16},   {"f16x2", Type::F16x2},   {"bf16", Type::BF16},
      {"f32", Type::F32},   {"bf16x2", Type::BF16x2}, {"f64", Type::F64},
      {"pred", Type::Pred}, {"tf32", Type::TF32}};
  auto found = types.find(name);
  return found == types.end() ? Type::None : found->second;
}

} // namespace gpusim
