// RUN: pg-opt %s --place-variables | FileCheck %s
// Variables lie in the arena of their space, one behind the other, at multiples of 64; arenas end with 64 bytes of padding.

// CHECK-DAG: sched.arena @parameters bytes(320)
// CHECK-DAG: sched.arena @states bytes(128)
// CHECK-DAG: sched.arena @gradients bytes(4160)
// CHECK-DAG: sched.arena @gradients.other bytes(4160)
// CHECK: pg.variable @w : {{.*}}buffer = #sched.buf<@parameters + 0 : 140>
// CHECK: pg.variable @b : {{.*}}buffer = #sched.buf<@parameters + 192 : 20>
// CHECK: pg.variable @"w:grad" : {{.*}}buffer = #sched.buf<@gradients + 0 : 140>
// CHECK: pg.variable @"b:grad" : {{.*}}buffer = #sched.buf<@gradients + 192 : 20>
// CHECK: pg.variable @"w:n" : {{.*}}buffer = #sched.buf<@states + 0 : 4>
pg.variable @w : tensor<7x5xf32> {space = "parameter"}
pg.variable @b : tensor<5xf32> {space = "parameter"}
pg.variable @"w:grad" : tensor<7x5xf32> {space = "gradient"}
pg.variable @"b:grad" : tensor<5xf32> {space = "gradient"}
pg.variable @"w:n" : tensor<f32> {space = "state"}

// CHECK: sched.kernel @combine_gradients(%[[X:.*]]: tensor<1x1024xf32>) attributes {kind = "rows", outer = 1 : i64, result_modes = ["accumulate"]
// CHECK-NEXT: sched.yield %[[X]]
