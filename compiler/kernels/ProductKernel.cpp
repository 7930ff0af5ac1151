// Emits product kernels: packs, multiplies block by block along K, and finishes
// the block while it is in the cache.
#include "compiler/kernels/Codegen.h"
#include "compiler/kernels/Product.h"
#include "dialects/pg/Pg.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

namespace {

/// One chunk of a product kernel: a block of the result.
struct ProductEmitter {
  KernelBuilder &kb;
  KernelOp kernel;
  const Product &product;
  ProductBlocks blocks;
  ProductScratch scratch;
  Tile tile;
  Value batch, firstRow, firstColumn, rows, columns; // the block

  ProductEmitter(KernelBuilder &kb, KernelOp kernel, const Product &product)
      : kb(kb), kernel(kernel), product(product),
        blocks(chooseProductBlocks(product)),
        scratch(layOutProductScratch(product, blocks)),
        // Packed weights of bf16 are pairs on every target.
        tile(kb, product.isPack() && product.operand.isBF16()
                     ? TileKind::Bf16Dot
                     : getTileKind(product.operand, kb.target)) {}

  Value byteOffset(Value base, int64_t bytes) {
    return kb.at(base, bytes, kb.b.getI8Type());
  }

  void findBlock() {
    Value block = kb.rem(kb.chunk, blocks.getCount());
    batch = kb.div(kb.chunk, blocks.getCount());
    firstRow = kb.mul(kb.rem(block, blocks.rowBlocks), blocks.rows);
    firstColumn = kb.mul(kb.div(block, blocks.rowBlocks), blocks.columns);
    rows = kb.min(kb.index(blocks.rows), kb.sub(kb.index(product.m), firstRow));
    columns = kb.min(kb.index(blocks.columns),
                     kb.sub(kb.index(product.n), firstColumn));
  }

  /// The matrix of the block's batch in an operand.
  Value batchStart(Value base, Type element, ArrayRef<int64_t> strides) {
    Value rest = batch, offset = kb.index(0);
    for (size_t i = product.batch.size(); i-- > 0;) {
      offset =
          kb.add(offset, kb.mul(kb.rem(rest, product.batch[i]), strides[i]));
      rest = kb.div(rest, product.batch[i]);
    }
    return kb.at(base, offset, element);
  }

  /// k, or pairs of k, in `depth` elements.
  Value grouped(Value depth) {
    return tile.getGroup() == 1 ? depth : kb.div(kb.add(depth, 1), 2);
  }

  /// `count` rows of the block's A from `row`, `depth` columns from `first`, as
  /// the tile reads them.
  TileA prepareA(Value row, Value count, Value first, Value depth) {
    Value firstRow = kb.add(this->firstRow, row);
    Value base = batchStart(kb.buffers[product.aIndex], product.aElement,
                            product.aStrides);
    Value target = kb.scratch;
    if (product.aByColumns) {
      Value source =
          kb.at(kb.at(base, kb.mul(first, product.m), product.aElement),
                firstRow, product.aElement);
      TilePanels panels{target, kb.index(tileRows),
                        kb.add(kb.mul(grouped(depth), tileRows), panelColumns),
                        tileRows};
      tile.packRows(source, product.aElement, kb.index(product.m), depth, count,
                    panels, product.roundsA());
      return {panels.base, panels.step, panels.panel};
    }
    Value source =
        kb.at(kb.at(base, kb.mul(firstRow, product.k), product.aElement), first,
              product.aElement);
    bool asItLies =
        tile.getKind() == TileKind::Bf16Dot
            ? product.aElement.isBF16() && product.k % 2 == 0
            : product.aElement == tile.getOperandType() && !product.roundsA();
    if (asItLies)
      return {source, kb.index(product.k / tile.getGroup()), Value()};
    // Rows an odd number of cache lines apart do not compete for places in the
    // cache.
    int64_t step = llvm::alignTo(
        llvm::divideCeil(blocks.depth, tile.getGroup()), panelColumns);
    step += step % (2 * panelColumns) == 0 ? panelColumns : 0;
    tile.copyRows(source, product.aElement, kb.index(product.k), count, depth,
                  target, kb.index(step), product.roundsA());
    return {target, kb.index(step), Value()};
  }

  /// B's block of `depth` rows from `first`, as the tile reads it.
  TileB prepareB(Value first, Value depth) {
    Value base = batchStart(kb.buffers[product.bIndex], product.bElement,
                            product.bStrides);
    Value step = kb.index(panelColumns);
    if (product.bForm == ProductBForm::Packed) {
      int64_t panel =
          llvm::divideCeil(product.k, product.packGroup) * panelColumns;
      Type element =
          product.packGroup == 2 ? Type(kb.b.getI32Type()) : product.bElement;
      Value source = kb.at(
          base, kb.mul(kb.div(firstColumn, panelColumns), panel), element);
      source =
          kb.at(source, kb.mul(kb.div(first, product.packGroup), panelColumns),
                element);
      if (tile.getGroup() == product.packGroup)
        return {source, step, kb.index(panel)};
      TilePanels panels{byteOffset(kb.scratch, scratch.b), step,
                        kb.mul(depth, panelColumns), panelColumns};
      tile.widenPairs(source, kb.index(panel), depth, columns, panels);
      return {panels.base, panels.step, panels.panel};
    }
    TilePanels panels{byteOffset(kb.scratch, scratch.b), step,
                      kb.mul(grouped(depth), panelColumns), panelColumns};
    packB(base, first, depth, panels);
    return {panels.base, panels.step, panels.panel};
  }

  void packB(Value base, Value first, Value depth, const TilePanels &panels) {
    Type element = product.bElement;
    if (product.bForm == ProductBForm::Plain) {
      Value source = kb.at(kb.at(base, kb.mul(first, product.n), element),
                           firstColumn, element);
      tile.packRows(source, element, kb.index(product.n), depth, columns,
                    panels, product.roundsB());
    } else {
      Value source = kb.at(kb.at(base, kb.mul(firstColumn, product.k), element),
                           first, element);
      tile.packColumns(source, element, kb.index(product.k), columns, depth,
                       panels, product.roundsB());
    }
  }

  /// pg.pack: B's columns of this block, to the result.
  void emitPack() {
    int64_t panel =
        llvm::divideCeil(product.k, product.packGroup) * panelColumns;
    Value to = kb.at(kb.buffers.back(),
                     kb.mul(kb.div(firstColumn, panelColumns), panel),
                     tile.getOperandType());
    packB(kb.buffers[product.bIndex], kb.index(0), kb.index(product.k),
          {to, kb.index(panelColumns), kb.index(panel)});
  }

  void emitProduct() {
    Value row = kb.add(kb.mul(batch, product.m), firstRow);
    bool plain = isPlainProduct(kernel, product);
    // Where one step covers K, sums wait in memory only for the epilogue.
    bool oneStep = blocks.isOneStep(product);
    int64_t sumStep =
        plain ? product.n : llvm::alignTo(blocks.columns, panelColumns);
    Value sums = byteOffset(kb.scratch, scratch.c);
    if (plain)
      sums = kb.at(
          kb.at(kb.buffers.back(), kb.mul(row, product.n), tile.getSumType()),
          firstColumn, tile.getSumType());
    Value adds = kb.integer(kb.b.getI1Type(), plain && kernel.accumulates(0));
    kb.loop(kb.index(0), kb.index(product.k), blocks.depth, [&](Value first) {
      Value depth =
          kb.min(kb.index(blocks.depth), kb.sub(kb.index(product.k), first));
      TileB b = prepareB(first, depth);
      Value later = arith::CmpIOp::create(
          kb.b, kb.loc, arith::CmpIPredicate::ne, first, kb.index(0));
      Value accumulate = arith::OrIOp::create(kb.b, kb.loc, later, adds);
      Value last =
          arith::CmpIOp::create(kb.b, kb.loc, arith::CmpIPredicate::eq,
                                kb.add(first, depth), kb.index(product.k));
      // As many rows at a time as a core's second cache holds.
      kb.loop(kb.index(0), rows, blocks.cachedRows, [&](Value some) {
        Value count = kb.min(kb.index(blocks.cachedRows), kb.sub(rows, some));
        TileA a = prepareA(some, count, first, depth);
        Value place = !plain && oneStep ? sums
                                        : kb.at(sums, kb.mul(some, sumStep),
                                                tile.getSumType());
        TileC c{place, kb.index(sumStep)};
        tile.multiply(a, b, c, count, columns, grouped(depth), accumulate);
        // Sums that are complete are still in the cache.
        if (!plain)
          kb.when(last, [&] {
            emitProductEpilogue(kb, kernel, product, place, sumStep,
                                kb.add(row, some), firstColumn, count, columns);
          });
      });
    });
    for (unsigned i = 0; i < kernel.getYielded().size(); ++i)
      if (!plain && passesCaches(kernel, product, i))
        kb.fence();
  }

  void run() {
    findBlock();
    product.isPack() ? emitPack() : emitProduct();
  }
};

} // namespace

LogicalResult emitProductKernel(KernelOp kernel, const Target &target,
                                ModuleOp out) {
  FailureOr<Product> product = analyzeProduct(kernel);
  if (failed(product))
    return failure();
  KernelBuilder kb(kernel, target, out);
  ProductEmitter(kb, kernel, *product).run();
  kb.finish();
  return success();
}

} // namespace pgc
