// The recurrence of layers with U-Net skips.
#ifndef PG_RECURRENCE_OPS
#define PG_RECURRENCE_OPS

include "dialects/pg/PgDialect.td"

def Pg_RecurOp : Pg_Op<"recur", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "A left fold over the order in which layers are visited, with skips";
  let description = [{
    The state is one or more tensors, and starts as `init`. Visit i runs the region `order[i]` on it, which
    yields the next state. The first ⌊n/2⌋ of the n visits push their result. In the second half the visit
    at position j = 0, 1, …, j < skips, while something is left, pops s and first makes the state
    merge region j of (state, s). So there are min(skips, ⌊n/2⌋) merge regions.

    Regions see the values around them. `labels` are the elements of the list that the model gave as the
    order, one a visit; they are for people.

    ```mlir
    %y = pg.recur(%x) order [0, 1, 1, 2] skips 1 : tensor<4x8xf32>
    layer (%s: tensor<4x8xf32>) {
      pg.yield %s : tensor<4x8xf32>
    } layer (%s: tensor<4x8xf32>) {
      …
    } merge (%s: tensor<4x8xf32>, %skip: tensor<4x8xf32>) {
      %0 = pg.add %s, %skip : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
      pg.yield %0 : tensor<4x8xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Pg_Tensor>:$init, DenseI64ArrayAttr:$order, Pg_IntAttr:$skips,
                       OptionalAttr<ArrayAttr>:$labels);
  let results = (outs Variadic<Pg_Tensor>:$results);
  let regions = (region VariadicRegion<SizedRegion<1>>:$bodies);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    // Makes the regions with their blocks and arguments, without contents: as many layers as `order` names,
    // then the merges.
    OpBuilder<(ins "::mlir::ValueRange":$init, "::llvm::ArrayRef<int64_t>":$order, "int64_t":$skips,
                   CArg<"::mlir::ArrayAttr", "{}">:$labels)>
  ];
  let extraClassDeclaration = [{
    /// How many regions are layers: those that the order names, counted from 0.
    static int64_t countLayers(::llvm::ArrayRef<int64_t> order);
    /// How many visits of the second half find a skip to merge.
    static int64_t countMerges(int64_t visits, int64_t skips);
    int64_t getNumLayers() { return countLayers(getOrder()); }
    int64_t getNumMerges() { return countMerges(getOrder().size(), getSkips()); }
    ::mlir::Block &getLayer(int64_t index) { return getBodies()[index].front(); }
    ::mlir::Block &getMerge(int64_t position) { return getBodies()[getNumLayers() + position].front(); }
  }];
}

def Pg_YieldOp : Pg_Op<"yield", [Pure, Terminator, HasParent<"RecurOp">]> {
  let summary = "Ends a region of `pg.recur` with the next state";
  let arguments = (ins Variadic<Pg_Tensor>:$state);
  let assemblyFormat = "attr-dict $state `:` type($state)";
}

#endif
