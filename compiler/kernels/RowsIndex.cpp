// Arithmetic on coordinates.
#include "compiler/kernels/RowsIndex.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

namespace pgc {

Index Index::constant(int64_t value) {
  Index index;
  index.offset = value;
  return index;
}

Index Index::variable(unsigned variable, int64_t coefficient) {
  Index index;
  if (coefficient != 0)
    index.terms.push_back({variable, coefficient});
  return index;
}

int64_t Index::coefficient(unsigned variable) const {
  for (auto [v, c] : terms)
    if (v == variable)
      return c;
  return 0;
}

Index Index::operator+(const Index &other) const {
  Index sum;
  sum.offset = offset + other.offset;
  auto a = terms.begin(), b = other.terms.begin();
  while (a != terms.end() || b != other.terms.end()) {
    if (b == other.terms.end() || (a != terms.end() && a->first < b->first)) {
      sum.terms.push_back(*a++);
    } else if (a == terms.end() || b->first < a->first) {
      sum.terms.push_back(*b++);
    } else {
      if (a->second + b->second != 0)
        sum.terms.push_back({a->first, a->second + b->second});
      ++a, ++b;
    }
  }
  return sum;
}

Index Index::operator+(int64_t value) const {
  Index sum = *this;
  sum.offset += value;
  return sum;
}

Index Index::operator*(int64_t factor) const {
  Index product;
  product.offset = offset * factor;
  if (factor != 0)
    for (auto [v, c] : terms)
      product.terms.push_back({v, c * factor});
  return product;
}

Index Index::substitute(unsigned variable, const Index &by) const {
  int64_t c = coefficient(variable);
  if (c == 0)
    return *this;
  Index rest = *this;
  llvm::erase_if(rest.terms,
                 [&](auto &term) { return term.first == variable; });
  return rest + by * c;
}

Index linearize(llvm::ArrayRef<Index> coordinates,
                llvm::ArrayRef<int64_t> shape) {
  Index flat;
  for (auto [coordinate, size] : llvm::zip_equal(coordinates, shape))
    flat = flat * size + coordinate;
  return flat;
}

unsigned Space::add(Variable::Kind kind, int64_t size) {
  variables.push_back({kind, size, 0, size});
  return variables.size() - 1;
}

unsigned Space::getDynamic(std::vector<int64_t> key, int64_t size) {
  auto [entry, isNew] = dynamics.try_emplace(std::move(key), 0);
  if (isNew)
    entry->second = add(Variable::Kind::Dynamic, size);
  return entry->second;
}

std::pair<int64_t, int64_t> Space::range(const Index &index) const {
  int64_t least = index.offset, largest = index.offset;
  for (auto [v, c] : index.terms) {
    int64_t a = c * variables[v].low, b = c * (variables[v].high - 1);
    least += std::min(a, b);
    largest += std::max(a, b);
  }
  return {least, largest};
}

std::optional<SplitPlace> Space::getSplitPlace(const Index &index) const {
  if (index.terms.empty())
    return std::nullopt;
  auto coarsest = llvm::max_element(
      index.terms, [](auto &a, auto &b) { return a.second < b.second; });
  Index rest = index.substitute(coarsest->first, Index());
  rest.offset = 0;
  auto [least, largest] = range(rest);
  if (coarsest->second < 1 || least < 0 || largest >= coarsest->second)
    return std::nullopt;
  return SplitPlace{coarsest->first, coarsest->second};
}

bool Space::has(const Index &index, Variable::Kind kind) const {
  return llvm::any_of(index.terms, [&](auto &term) {
    return variables[term.first].kind == kind;
  });
}

bool Space::onlyRows(const Index &index) const {
  return llvm::all_of(index.terms, [&](auto &term) {
    return variables[term.first].kind == Variable::Kind::Row;
  });
}

/// index = quotient · size + remainder, 0 <= remainder < size.
std::optional<std::pair<Index, Index>>
Space::divide(const Index &index, int64_t size, std::optional<Cut> *cut) const {
  auto [least, largest] = range(index);
  if (least >= 0 && largest < size)
    return std::pair(Index(), index);
  Index quotient, remainder;
  quotient.offset = llvm::divideFloorSigned(index.offset, size);
  remainder.offset = index.offset - quotient.offset * size;
  for (auto [v, c] : index.terms) {
    if (c % size == 0)
      quotient.terms.push_back({v, c / size});
    else
      remainder.terms.push_back({v, c});
  }
  auto [low, high] = range(remainder);
  // An offset may belong to a variable: j - 1, where j is 1 at least.
  int64_t whole = llvm::divideFloorSigned(low, size);
  if (high - whole * size < size) {
    quotient.offset += whole;
    remainder.offset -= whole * size;
    return std::pair(quotient, remainder);
  }
  for (auto [v, c] : remainder.terms) {
    const Variable &variable = variables[v];
    if (cut && variable.kind != Variable::Kind::Dynamic && size % c == 0 &&
        size / c > 1 && variable.size > size / c &&
        variable.size % (size / c) == 0)
      *cut = Cut{v, size / c};
  }
  return std::nullopt;
}

std::optional<Coordinates> Space::delinearize(const Index &flat,
                                              llvm::ArrayRef<int64_t> shape,
                                              std::optional<Cut> *cut) const {
  Coordinates coordinates(shape.size());
  Index rest = flat;
  for (size_t i = shape.size(); i-- > 1;) {
    if (shape[i] == 1)
      continue;
    auto parts = divide(rest, shape[i], cut);
    if (!parts)
      return std::nullopt;
    rest = parts->first;
    coordinates[i] = parts->second;
  }
  if (!shape.empty() && shape[0] > 1)
    coordinates[0] = rest;
  return coordinates;
}

} // namespace pgc
