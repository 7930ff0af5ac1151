// RUN: pg-opt %s --split-input-file --verify-diagnostics --verify-fused

func.func @left(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  // expected-error@+1 {{is in no kernel}}
  %0 = pg.neg %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// -----

sched.kernel @mixes(%x: tensor<4x8xf32>, %y: tensor<8xf32>) attributes {kind = "rows", outer = 1, chunks = 1, result_modes = ["store"]} {
  %0 = pg.neg %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-error@+1 {{operand 1 does not have the kernel's rows}}
  %1 = pg.add %0, %y : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  sched.yield %1 : tensor<4x8xf32>
}

// -----

sched.kernel @product(%x: tensor<4x8xf32>) attributes {kind = "rows", outer = 1, chunks = 1, result_modes = ["store"]} {
  // expected-error@+1 {{cannot be in a rows kernel}}
  %0 = pg.linear %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  sched.yield %0 : tensor<4x4xf32>
}

// -----

sched.kernel @early(%x: tensor<4x8xf32>) attributes {kind = "rows", outer = 1, chunks = 1, result_modes = ["store"]} {
  // expected-error@+1 {{is complete only when the kernel is}}
  %0 = pg.partial_sum %x {chunks = 1 : i64, outer = 1 : i64} : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %1 = pg.broadcast %0 : (tensor<1x8xf32>) -> tensor<4x8xf32>
  sched.yield %1 : tensor<4x8xf32>
}

// -----

// expected-error@+1 {{needs 'outer' and 'chunks'}}
sched.kernel @bare(%x: tensor<4x8xf32>) attributes {kind = "rows", result_modes = ["store"]} {
  sched.yield %x : tensor<4x8xf32>
}
