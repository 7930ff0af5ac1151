// RUN: pg-opt %s --plan-memory --verify-schedule | FileCheck %s
// RUN: pg-opt %s --plan-memory=in-place=0 --verify-schedule | FileCheck %s --check-prefix=APART

sched.arena @io bytes(128)
sched.arena @parameters bytes(1088)

sched.kernel @neg(%x: tensor<16xf32>) attributes {kind = "rows", outer = 0, chunks = 1, result_modes = ["store"]} {
  %y = pg.neg %x : (tensor<16xf32>) -> tensor<16xf32>
  sched.yield %y : tensor<16xf32>
}
sched.kernel @wide(%x: tensor<16xf32>) attributes {kind = "loops", chunks = 1, result_modes = ["store"]} {
  %y = pg.broadcast %x : (tensor<16xf32>) -> tensor<4x16xf32>
  sched.yield %y : tensor<4x16xf32>
}
sched.kernel @add(%x: tensor<4x16xf32>, %y: tensor<16xf32>)
    attributes {kind = "rows", outer = 1, chunks = 1, result_modes = ["store"]} {
  %z = pg.add %x, %y : (tensor<4x16xf32>, tensor<16xf32>) -> tensor<4x16xf32>
  sched.yield %z : tensor<4x16xf32>
}

// The arena is as large as the largest program needs, and 64 bytes more.
// CHECK: sched.arena @activations bytes(576)
// APART: sched.arena @activations bytes(832)

// A result takes the memory of an operand that dies.
// CHECK-LABEL: sched.program @chain
// CHECK-SAME: activation_bytes = 64
// CHECK: sched.launch @neg chunks(1) buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@activations + 0 : 64>]
// CHECK: sched.launch @neg chunks(1) buffers [#sched.buf<@activations + 0 : 64>, #sched.buf<@activations + 0 : 64>]
// CHECK: sched.launch @neg chunks(1) buffers [#sched.buf<@activations + 0 : 64>, #sched.buf<@io + 0 : 64>]
// APART-LABEL: sched.program @chain
// APART-SAME: activation_bytes = 128
sched.program @chain attributes {role = "score", phase = "", outputs = [],
    inputs = [#sched.port<"x" of tensor<16xf32> at <@io + 0 : 64>>]} {
  sched.temp "a" bytes(64)
  sched.temp "b" bytes(64)
  sched.launch @neg chunks(1) buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@a + 0 : 64>]
  sched.launch @neg chunks(1) buffers [#sched.buf<@a + 0 : 64>, #sched.buf<@b + 0 : 64>]
  sched.launch @neg chunks(1) buffers [#sched.buf<@b + 0 : 64>, #sched.buf<@io + 0 : 64>]
}

// `a` is read again by the last launch: nothing takes its memory before. A result takes that of `w`, never that of an
// operand which the kernel spreads.
// CHECK-LABEL: sched.program @again
// CHECK-SAME: activation_bytes = 320
// CHECK: @neg {{.*}} buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@activations + 256 : 64>]
// CHECK: @wide {{.*}} buffers [#sched.buf<@activations + 256 : 64>, #sched.buf<@activations + 0 : 256>]
// CHECK: @add {{.*}} buffers [#sched.buf<@activations + 0 : 256>, #sched.buf<@activations + 256 : 64>, #sched.buf<@activations + 0 : 256>]
// CHECK: sched.copy <@activations + 64 : 64> to <@io + 0 : 64>
// APART-LABEL: sched.program @again
// APART-SAME: activation_bytes = 576
sched.program @again attributes {role = "score", phase = "", outputs = [],
    inputs = [#sched.port<"x" of tensor<16xf32> at <@io + 0 : 64>>]} {
  sched.temp "a" bytes(64)
  sched.temp "w" bytes(256)
  sched.temp "z" bytes(256)
  sched.launch @neg chunks(1) buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@a + 0 : 64>]
  sched.launch @wide chunks(1) buffers [#sched.buf<@a + 0 : 64>, #sched.buf<@w + 0 : 256>]
  sched.launch @add chunks(1) buffers [#sched.buf<@w + 0 : 256>, #sched.buf<@a + 0 : 64>, #sched.buf<@z + 0 : 256>]
  sched.copy <@z + 64 : 64> to <@io + 0 : 64>
}

// A kernel over rows may write over what it reduces: all of a row was read by then.
sched.kernel @normalize(%x: tensor<4x16xf32>) attributes {kind = "rows", outer = 1, chunks = 1, result_modes = ["store"]} {
  %s = pg.reduce sum %x axes [1] : (tensor<4x16xf32>) -> tensor<4x1xf32>
  %y = pg.mul %x, %s : (tensor<4x16xf32>, tensor<4x1xf32>) -> tensor<4x16xf32>
  sched.yield %y : tensor<4x16xf32>
}
// So may a product over what is added to it, but not over its factors.
sched.kernel @product(%x: tensor<4x16xf32>, %w: tensor<16x16xf32>, %y: tensor<4x16xf32>)
    attributes {kind = "product", chunks = 1, result_modes = ["store"]} {
  %p = pg.linear %x, %w : (tensor<4x16xf32>, tensor<16x16xf32>) -> tensor<4x16xf32>
  %z = pg.add %p, %y : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
  sched.yield %z : tensor<4x16xf32>
}

// CHECK-LABEL: sched.program @products
// CHECK: @wide {{.*}} buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@activations + [[X:[0-9]+]] : 256>]
// CHECK: @normalize {{.*}} buffers [#sched.buf<@activations + [[X]] : 256>, #sched.buf<@activations + [[X]] : 256>]
// CHECK: @wide {{.*}} buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@activations + [[Y:[0-9]+]] : 256>]
// CHECK: @product {{.*}} buffers [#sched.buf<@activations + [[X]] : 256>, #sched.buf<@parameters + 0 : 1024>, #sched.buf<@activations + [[Y]] : 256>, #sched.buf<@activations + [[Y]] : 256>]
sched.program @products attributes {role = "score", phase = "", outputs = [],
    inputs = [#sched.port<"x" of tensor<16xf32> at <@io + 0 : 64>>]} {
  sched.temp "a" bytes(256)
  sched.temp "x" bytes(256)
  sched.temp "y" bytes(256)
  sched.temp "z" bytes(256)
  sched.launch @wide chunks(1) buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@a + 0 : 256>]
  sched.launch @normalize chunks(1) buffers [#sched.buf<@a + 0 : 256>, #sched.buf<@x + 0 : 256>]
  sched.launch @wide chunks(1) buffers [#sched.buf<@io + 0 : 64>, #sched.buf<@y + 0 : 256>]
  sched.launch @product chunks(1) buffers [#sched.buf<@x + 0 : 256>, #sched.buf<@parameters + 0 : 1024>, #sched.buf<@y + 0 : 256>, #sched.buf<@z + 0 : 256>]
  sched.copy <@z + 64 : 64> to <@io + 0 : 64>
}
