// RUN: pg-opt %s --place-variables --schedule --plan-memory --verify-schedule | FileCheck %s

pg.variable @w : tensor<8x4xf32> {space = "parameter"}
pg.variable @dropped : tensor<100xf32> {space = "parameter"}
pg.variable @"w:hessian" : tensor<4x4xf32> {space = "hessian"}
pg.variable @"w:scale" : tensor<8x1xf32> {space = "state"}
pg.variable @"w:leaf0" : tensor<8x4xf32> {space = "leaf"}

// Codes are made in the leaf's memory.
// CHECK-LABEL: sched.program @quantize
// CHECK-NEXT: sched.host "gptq" buffers [#sched.buf<@parameters + 0 : 128>, #sched.buf<@hessians + 0 : 64>, #sched.buf<@states + 0 : 32>, #sched.buf<@leaves + 0 : 128>] written(1) {block = 128 : i64, cols = 4 : i64, damp = 1.000000e-02 : f64, element = f32, rows = 8 : i64, top = 31 : i64}
// CHECK-NEXT: }
func.func @quantize() attributes {pg.role = "quantize"} {
  %w = pg.load @w : tensor<8x4xf32>
  %h = pg.load @"w:hessian" : tensor<4x4xf32>
  %s = pg.load @"w:scale" : tensor<8x1xf32>
  %q = pg.gptq %w, %h, %s {top = 31 : i64, block = 128 : i64, damp = 0.01 : f64} : (tensor<8x4xf32>, tensor<4x4xf32>, tensor<8x1xf32>) -> tensor<8x4xf32>
  pg.store %q, @"w:leaf0" : tensor<8x4xf32>
  return
}

// Zeros are no constants in the plan.
// CHECK-LABEL: sched.program @decode
// CHECK-NEXT: sched.copy <@leaves + 0 : 128> to <@parameters + 0 : 128>
// CHECK-NEXT: sched.fill <@parameters + 128 : 400> with zero
// CHECK-NEXT: }
// CHECK-NOT: sched.constant
func.func @decode() attributes {pg.role = "decode"} {
  %q = pg.load @"w:leaf0" : tensor<8x4xf32>
  pg.store %q, @w : tensor<8x4xf32>
  %z = pg.constant dense<0.0> : tensor<100xf32>
  pg.store %z, @dropped : tensor<100xf32>
  return
}
