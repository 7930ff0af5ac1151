// RUN: pg-opt %s --split-input-file --fuse --verify-fused | FileCheck %s

// A norm with what surrounds it is one kernel; the bf16 copy is what the product reads.
pg.variable @w : tensor<96x32xf32> {space = "parameter"}
// CHECK-LABEL: @norm
// CHECK: %[[Z:.*]] = sched.call @rows_0(%arg1, %{{.*}}) : (tensor<2x8x32xf32>, tensor<1x1x32xf32>) -> tensor<2x8x32xbf16>
// CHECK: sched.call @product_0(%[[Z]], %{{.*}})
func.func @norm(%tokens: tensor<2x8xi64>, %x: tensor<2x8x32xf32>, %s: tensor<32xf32>, %w: tensor<96x32xbf16>) -> tensor<2x8x96xf32> {
  %u = pg.mul %x, %s : (tensor<2x8x32xf32>, tensor<32xf32>) -> tensor<2x8x32xf32>
  %sq = pg.mul %u, %u : (tensor<2x8x32xf32>, tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %sum = pg.reduce sum %sq axes [2] : (tensor<2x8x32xf32>) -> tensor<2x8x1xf32>
  %r = pg.rsqrt %sum : (tensor<2x8x1xf32>) -> tensor<2x8x1xf32>
  %z = pg.mul %u, %r : (tensor<2x8x32xf32>, tensor<2x8x1xf32>) -> tensor<2x8x32xf32>
  %h = pg.convert %z : (tensor<2x8x32xf32>) -> tensor<2x8x32xbf16>
  %y = pg.linear %h, %w : (tensor<2x8x32xbf16>, tensor<96x32xbf16>) -> tensor<2x8x96xf32>
  return %y : tensor<2x8x96xf32>
}
// CHECK: sched.kernel @rows_0({{.*}}) attributes {chunks = 4 : i64, kind = "rows", outer = 2 : i64, result_modes = ["store"]}
// CHECK: sched.kernel @product_0

// -----

// The activation joins the product before it, its derivative the product that gives its gradient.
// CHECK-LABEL: @activation
// CHECK-NEXT: %[[T:.*]]:2 = sched.call @product_0(%arg0, %arg1)
// CHECK-NEXT: %[[O:.*]] = sched.call @product_1(%[[T]]#1, %arg2)
// CHECK-NEXT: %[[D:.*]] = sched.call @product_2(%arg3, %arg2, %[[T]]#0)
// CHECK-NEXT: return %[[O]], %[[D]]
func.func @activation(%x: tensor<8x32xf32>, %w: tensor<96x32xf32>, %v: tensor<32x96xf32>, %g: tensor<8x32xf32>) -> (tensor<8x32xf32>, tensor<8x96xf32>) {
  %t = pg.linear %x, %w : (tensor<8x32xf32>, tensor<96x32xf32>) -> tensor<8x96xf32>
  %h = pg.mul %t, %t : (tensor<8x96xf32>, tensor<8x96xf32>) -> tensor<8x96xf32>
  %o = pg.linear %h, %v : (tensor<8x96xf32>, tensor<32x96xf32>) -> tensor<8x32xf32>
  %dh = pg.matmul %g, %v : (tensor<8x32xf32>, tensor<32x96xf32>) -> tensor<8x96xf32>
  %t2 = pg.add %t, %t {pg.recompute} : (tensor<8x96xf32>, tensor<8x96xf32>) -> tensor<8x96xf32>
  %dt = pg.mul %dh, %t2 : (tensor<8x96xf32>, tensor<8x96xf32>) -> tensor<8x96xf32>
  return %o, %dt : tensor<8x32xf32>, tensor<8x96xf32>
}
// CHECK: sched.kernel @product_2({{.*}})
// CHECK-NEXT: pg.matmul
// CHECK-NEXT: pg.add
// CHECK-NEXT: pg.mul

// -----

// The gradient of the second weight reads the activation, computed again: the product that reads what it is a function of stores it too.
pg.variable @v : tensor<32x96xf32> {space = "gradient"}
// CHECK-LABEL: @activation_again
// CHECK-NEXT: %[[D:.*]]:2 = sched.call @product_0(%arg1, %arg0, %arg2)
// CHECK-NEXT: sched.call @product_1(%arg1, %[[D]]#0) accumulates [@v]
// CHECK-NEXT: return %[[D]]#1
func.func @activation_again(%w: tensor<32x96xf32>, %g: tensor<8x32xf32>, %t: tensor<8x96xf32>) -> tensor<8x96xf32> {
  %dh = pg.matmul %g, %w : (tensor<8x32xf32>, tensor<32x96xf32>) -> tensor<8x96xf32>
  %h = pg.mul %t, %t {pg.recompute} : (tensor<8x96xf32>, tensor<8x96xf32>) -> tensor<8x96xf32>
  %dv = pg.matmul %g, %h {transpose_a} : (tensor<8x32xf32>, tensor<8x96xf32>) -> tensor<32x96xf32>
  pg.accumulate %dv, @v : tensor<32x96xf32>
  %t2 = pg.add %t, %t {pg.recompute} : (tensor<8x96xf32>, tensor<8x96xf32>) -> tensor<8x96xf32>
  %dt = pg.mul %dh, %t2 : (tensor<8x96xf32>, tensor<8x96xf32>) -> tensor<8x96xf32>
  return %dt : tensor<8x96xf32>
}

// -----

// The weight's gradient waits for the kernel that reads the norm's input for the gradient of the norm, and that stores the norm.
pg.variable @a : tensor<96x32xf32> {space = "gradient"}
// CHECK-LABEL: @norm_again
// CHECK-NEXT: %[[X:.*]] = sched.call @product_0(%arg0, %arg2)
// CHECK-NEXT: %[[DZ:.*]] = sched.call @product_0(%arg0, %arg2)
// CHECK-NEXT: %[[ROWS:.*]]:2 = sched.call @rows_0(%[[X]], %arg1, %[[DZ]])
// CHECK-NEXT: sched.call @product_1(%arg0, %[[ROWS]]#0) accumulates [@a]
// CHECK-NEXT: return %[[ROWS]]#1
func.func @norm_again(%g: tensor<8x96xf32>, %r: tensor<8x1xf32>, %w: tensor<96x32xf32>) -> tensor<8x32xf32> {
  %x = pg.matmul %g, %w : (tensor<8x96xf32>, tensor<96x32xf32>) -> tensor<8x32xf32>
  %z = pg.mul %x, %r {pg.recompute} : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  %dw = pg.matmul %g, %z {transpose_a} : (tensor<8x96xf32>, tensor<8x32xf32>) -> tensor<96x32xf32>
  pg.accumulate %dw, @a : tensor<96x32xf32>
  %dz = pg.matmul %g, %w : (tensor<8x96xf32>, tensor<96x32xf32>) -> tensor<8x32xf32>
  %0 = pg.mul %dz, %x : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  %1 = pg.reduce sum %0 axes [1] : (tensor<8x32xf32>) -> tensor<8x1xf32>
  %2 = pg.mul %x, %1 : (tensor<8x32xf32>, tensor<8x1xf32>) -> tensor<8x32xf32>
  %dx = pg.sub %dz, %2 : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  return %dx : tensor<8x32xf32>
}

// -----

// Layers that differ in a number share a kernel, to which the number is passed; a gradient is added by the kernel that computes it.
pg.variable @a : tensor<96x32xf32> {space = "gradient"}
// CHECK-LABEL: @layers
// CHECK-DAG: %[[A:.*]] = arith.constant 5.000000e-01 : f64
// CHECK-DAG: %[[B:.*]] = arith.constant 2.500000e-01 : f64
// CHECK: sched.call @rows_0(%arg0, %[[A]])
// CHECK: sched.call @rows_0(%arg1, %[[B]])
// CHECK: sched.call @product_0(%{{.*}}, %{{.*}}) accumulates [@a] : (tensor<8x96xf32>, tensor<8x32xf32>) -> ()
// CHECK: sched.call @product_0(%{{.*}}, %{{.*}}) accumulates [@a]
func.func @layers(%x: tensor<8x32xf32>, %y: tensor<8x32xf32>, %g: tensor<8x96xf32>) {
  %c = pg.constant dense<5.0e-01> : tensor<f32>
  %d = pg.constant dense<2.5e-01> : tensor<f32>
  %0 = pg.mul %x, %c : (tensor<8x32xf32>, tensor<f32>) -> tensor<8x32xf32>
  %1 = pg.mul %y, %d : (tensor<8x32xf32>, tensor<f32>) -> tensor<8x32xf32>
  %2 = pg.matmul %g, %0 {transpose_a} : (tensor<8x96xf32>, tensor<8x32xf32>) -> tensor<96x32xf32>
  pg.accumulate %2, @a : tensor<96x32xf32>
  %3 = pg.matmul %g, %1 {transpose_a} : (tensor<8x96xf32>, tensor<8x32xf32>) -> tensor<96x32xf32>
  pg.accumulate %3, @a : tensor<96x32xf32>
  return
}
// CHECK: sched.kernel @rows_0(%arg0: tensor<8x32xf32>, %arg1: f64)
// CHECK-SAME: scalars = 1
// CHECK: sched.kernel @product_0
// CHECK-SAME: result_modes = ["accumulate"]

// -----

// What was stored is not loaded again: the average sees the new value.
pg.variable @p : tensor<8x32xf32> {space = "parameter"}
pg.variable @"p:average" : tensor<8x32xf32> {space = "average"}
// CHECK-LABEL: @update
// CHECK: %[[NEW:.*]]:2 = sched.call @rows_0
// CHECK-NEXT: pg.store %[[NEW]]#0, @p
// CHECK-NEXT: pg.store %[[NEW]]#1, @"p:average"
func.func @update(%g: tensor<8x32xf32>) {
  %p = pg.load @p : tensor<8x32xf32>
  %new = pg.sub %p, %g : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  pg.store %new, @p : tensor<8x32xf32>
  %again = pg.load @p : tensor<8x32xf32>
  %a = pg.load @"p:average" : tensor<8x32xf32>
  %sum = pg.add %a, %again : (tensor<8x32xf32>, tensor<8x32xf32>) -> tensor<8x32xf32>
  pg.store %sum, @"p:average" : tensor<8x32xf32>
  return
}

// -----

// What the numerics hold in bf16 is stored so by the kernel that computes it, and widened by each that reads it.
// CHECK-LABEL: @held
// CHECK-NEXT: %[[Y:.*]] = sched.call @product_0(%arg1, %arg2) : {{.*}} -> tensor<2x8x96xbf16>
// CHECK-NEXT: %[[O:.*]]:2 = sched.call @attention_0{{.*}} -> (tensor<2x8x3xf32>, tensor<2x8x3x32xbf16>)
// CHECK-NEXT: %{{.*}} = sched.call @rows_0(%[[Y]], %[[O]]#1) : (tensor<2x8x96xbf16>, {{.*}}) -> tensor<2x8x3x32xf32>
func.func @held(%tokens: tensor<2x8xi64>, %x: tensor<2x8x32xbf16>, %w: tensor<96x32xbf16>, %q: tensor<2x8x3x32xbf16>) -> (tensor<2x8x3x32xf32>, tensor<2x8x3xf32>) {
  %y = pg.linear %x, %w : (tensor<2x8x32xbf16>, tensor<96x32xbf16>) -> tensor<2x8x96xf32>
  %yn = pg.convert %y : (tensor<2x8x96xf32>) -> tensor<2x8x96xbf16>
  %yw = pg.convert %yn : (tensor<2x8x96xbf16>) -> tensor<2x8x96xf32>
  %heads = pg.reshape %yw : (tensor<2x8x96xf32>) -> tensor<2x8x3x32xf32>
  %o, %lse = pg.attention %q, %q, %q : (tensor<2x8x3x32xbf16>, tensor<2x8x3x32xbf16>, tensor<2x8x3x32xbf16>) -> (tensor<2x8x3x32xf32>, tensor<2x8x3xf32>)
  %on = pg.convert %o : (tensor<2x8x3x32xf32>) -> tensor<2x8x3x32xbf16>
  %ow = pg.convert %on : (tensor<2x8x3x32xbf16>) -> tensor<2x8x3x32xf32>
  %z = pg.add %heads, %ow : (tensor<2x8x3x32xf32>, tensor<2x8x3x32xf32>) -> tensor<2x8x3x32xf32>
  return %z, %lse : tensor<2x8x3x32xf32>, tensor<2x8x3xf32>
}

// -----

// A sum that a later kernel needs is computed there, with the norm that is in it, where its operands are less to read than the sum to write and read.
// CHECK-LABEL: @cone
// CHECK: %[[P:.*]] = sched.call @product_0
// CHECK-NEXT: sched.call @rows_0({{.*}}) : ({{.*}}) -> tensor<2x8x32xf32>
// CHECK-NEXT: return
func.func @cone(%tokens: tensor<2x8xi64>, %a: tensor<2x8x32xbf16>, %b: tensor<2x8x32xbf16>, %w: tensor<32x32xbf16>) -> tensor<2x8x32xf32> {
  %aw = pg.convert %a : (tensor<2x8x32xbf16>) -> tensor<2x8x32xf32>
  %sq = pg.mul %aw, %aw : (tensor<2x8x32xf32>, tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %sum = pg.reduce sum %sq axes [2] : (tensor<2x8x32xf32>) -> tensor<2x8x1xf32>
  %n = pg.mul %aw, %sum : (tensor<2x8x32xf32>, tensor<2x8x1xf32>) -> tensor<2x8x32xf32>
  %y = pg.linear %b, %w : (tensor<2x8x32xbf16>, tensor<32x32xbf16>) -> tensor<2x8x32xf32>
  %ysq = pg.reduce sum %y axes [2] : (tensor<2x8x32xf32>) -> tensor<2x8x1xf32>
  %m = pg.mul %n, %ysq : (tensor<2x8x32xf32>, tensor<2x8x1xf32>) -> tensor<2x8x32xf32>
  return %m : tensor<2x8x32xf32>
}

// -----

// A kernel that reads what a held value was made from makes it again.
// CHECK-LABEL: @again
// CHECK: %[[U:.*]] = sched.call @rows_0(%arg1, %arg2, %{{.*}}) : {{.*}} -> tensor<2x8x32xbf16>
// CHECK-NEXT: %[[Y:.*]] = sched.call @product_0(%[[U]], %arg3)
// CHECK: sched.call @rows_1({{.*}}) : (tensor<2x8x32xbf16>, tensor<2x8x32xbf16>, tensor<1x1x32xf32>, tensor<2x8x32xf32>) -> (tensor<2x8x32xf32>, tensor<2x8x32xf32>)
// CHECK: sched.kernel @rows_1
// CHECK: %[[SUM:.*]] = pg.add
// CHECK-NEXT: pg.convert %[[SUM]] : (tensor<2x8x32xf32>) -> tensor<2x8x32xbf16>
func.func @again(%tokens: tensor<2x8xi64>, %x: tensor<2x8x32xbf16>, %z: tensor<2x8x32xbf16>, %w: tensor<32x32xbf16>, %s: tensor<32xf32>) -> (tensor<2x8x32xf32>, tensor<2x8x32xf32>) {
  %xw = pg.convert %x : (tensor<2x8x32xbf16>) -> tensor<2x8x32xf32>
  %zw = pg.convert %z : (tensor<2x8x32xbf16>) -> tensor<2x8x32xf32>
  %xs = pg.mul %xw, %s : (tensor<2x8x32xf32>, tensor<32xf32>) -> tensor<2x8x32xf32>
  %sum = pg.add %xs, %zw : (tensor<2x8x32xf32>, tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %u = pg.convert %sum : (tensor<2x8x32xf32>) -> tensor<2x8x32xbf16>
  %y = pg.linear %u, %w : (tensor<2x8x32xbf16>, tensor<32x32xbf16>) -> tensor<2x8x32xf32>
  %uw = pg.convert %u : (tensor<2x8x32xbf16>) -> tensor<2x8x32xf32>
  %a = pg.mul %y, %uw : (tensor<2x8x32xf32>, tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %b = pg.mul %y, %xw : (tensor<2x8x32xf32>, tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %sq = pg.reduce sum %b axes [2] : (tensor<2x8x32xf32>) -> tensor<2x8x1xf32>
  %c = pg.mul %y, %zw : (tensor<2x8x32xf32>, tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %d = pg.mul %c, %sq : (tensor<2x8x32xf32>, tensor<2x8x1xf32>) -> tensor<2x8x32xf32>
  %e = pg.mul %a, %sq : (tensor<2x8x32xf32>, tensor<2x8x1xf32>) -> tensor<2x8x32xf32>
  return %d, %e : tensor<2x8x32xf32>, tensor<2x8x32xf32>
}
