// RUN: pg-opt %s --prune-by-demand --split-input-file | FileCheck %s
// Of a function that returns a slice of the last positions, only what these demand is computed.

// The last block of a model: keys and values of all positions, queries and what follows of the last two.
// CHECK-LABEL: func @attention
// CHECK-SAME: pg.lengths = array<i64: 2>
// CHECK-DAG: pg.linear %arg0, %{{.*}} : (tensor<1x6x8xf32>, tensor<4x8xf32>) -> tensor<1x6x4xf32>
// CHECK-DAG: %[[X:.*]] = pg.slice %arg0 offsets [0, 4, 0] sizes [1, 2, 8]
// CHECK-DAG: pg.linear %[[X]], %{{.*}} : (tensor<1x2x8xf32>, tensor<8x8xf32>) -> tensor<1x2x8xf32>
// CHECK-DAG: pg.rope {{.*}} : (tensor<1x2x2x4xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<1x2x2x4xf32>
// CHECK: %[[O:.*]], %{{.*}} = pg.attention {{.*}} : (tensor<1x2x2x4xf32>, tensor<1x6x1x4xf32>, tensor<1x6x1x4xf32>) -> (tensor<1x2x2x4xf32>, tensor<1x2x2xf32>)
// CHECK: %[[R:.*]] = pg.reshape %[[O]] : (tensor<1x2x2x4xf32>) -> tensor<1x2x8xf32>
// CHECK: %[[Y:.*]] = pg.add %[[X]], %[[R]] : (tensor<1x2x8xf32>
// CHECK: return %[[Y]]
func.func @attention(%x: tensor<1x6x8xf32>, %wq: tensor<8x8xf32>, %wk: tensor<4x8xf32>, %c: tensor<6x2xf32>) -> tensor<1x2x8xf32> attributes {pg.scored = 2 : i64} {
  %q0 = pg.linear %x, %wq : (tensor<1x6x8xf32>, tensor<8x8xf32>) -> tensor<1x6x8xf32>
  %q1 = pg.reshape %q0 : (tensor<1x6x8xf32>) -> tensor<1x6x2x4xf32>
  %q = pg.rope %q1, %c, %c : (tensor<1x6x2x4xf32>, tensor<6x2xf32>, tensor<6x2xf32>) -> tensor<1x6x2x4xf32>
  %k0 = pg.linear %x, %wk : (tensor<1x6x8xf32>, tensor<4x8xf32>) -> tensor<1x6x4xf32>
  %k = pg.reshape %k0 : (tensor<1x6x4xf32>) -> tensor<1x6x1x4xf32>
  %o, %l = pg.attention %q, %k, %k : (tensor<1x6x2x4xf32>, tensor<1x6x1x4xf32>, tensor<1x6x1x4xf32>) -> (tensor<1x6x2x4xf32>, tensor<1x6x2xf32>)
  %r = pg.reshape %o : (tensor<1x6x2x4xf32>) -> tensor<1x6x8xf32>
  %y = pg.add %x, %r : (tensor<1x6x8xf32>, tensor<1x6x8xf32>) -> tensor<1x6x8xf32>
  %s = pg.slice %y offsets [0, 4, 0] sizes [1, 2, 8] : (tensor<1x6x8xf32>) -> tensor<1x2x8xf32>
  return %s : tensor<1x2x8xf32>
}

// -----

// A shift demands as many positions more; of these the function's argument is cut.
// CHECK-LABEL: func @shift
// CHECK: %[[X:.*]] = pg.slice %arg0 offsets [0, 2] sizes [1, 4] : (tensor<1x6xf32>) -> tensor<1x4xf32>
// CHECK: %[[E:.*]] = pg.exp %[[X]] : (tensor<1x4xf32>) -> tensor<1x4xf32>
// CHECK: %[[S:.*]] = pg.slice %[[E]] offsets [0, 0] sizes [1, 2]
// CHECK: %[[T:.*]] = pg.slice %[[E]] offsets [0, 2] sizes [1, 2]
// CHECK: %[[Y:.*]] = pg.add %[[S]], %[[T]]
// CHECK: return %[[Y]]
func.func @shift(%x: tensor<1x6xf32>) -> tensor<1x2xf32> attributes {pg.scored = 2 : i64} {
  %e = pg.exp %x : (tensor<1x6xf32>) -> tensor<1x6xf32>
  %s = pg.shift %e axis 1 by 2 : (tensor<1x6xf32>) -> tensor<1x6xf32>
  %y = pg.add %s, %e : (tensor<1x6xf32>, tensor<1x6xf32>) -> tensor<1x6xf32>
  %z = pg.slice %y offsets [0, 4] sizes [1, 2] : (tensor<1x6xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}

// -----

// Zeros that come in within reach: the shift stays whole. So does a running sum, but what follows it is cut.
// CHECK-LABEL: func @whole
// CHECK: %[[S:.*]] = pg.shift %arg0 axis 1 by 2 : (tensor<1x6xf32>) -> tensor<1x6xf32>
// CHECK: %[[C:.*]] = pg.cumsum %arg0 axis 1 : (tensor<1x6xf32>) -> tensor<1x6xf32>
// CHECK-DAG: pg.slice %[[S]] offsets [0, 1] sizes [1, 5]
// CHECK-DAG: pg.slice %[[C]] offsets [0, 1] sizes [1, 5]
// CHECK: pg.add {{.*}} -> tensor<1x5xf32>
func.func @whole(%x: tensor<1x6xf32>) -> tensor<1x5xf32> attributes {pg.scored = 5 : i64} {
  %s = pg.shift %x axis 1 by 2 : (tensor<1x6xf32>) -> tensor<1x6xf32>
  %c = pg.cumsum %x axis 1 : (tensor<1x6xf32>) -> tensor<1x6xf32>
  %y = pg.add %s, %c : (tensor<1x6xf32>, tensor<1x6xf32>) -> tensor<1x6xf32>
  %z = pg.slice %y offsets [0, 1] sizes [1, 5] : (tensor<1x6xf32>) -> tensor<1x5xf32>
  return %z : tensor<1x5xf32>
}

// -----

// A sum over positions, positions in numbers, and one tensor for all positions.
// CHECK-LABEL: func @others
// CHECK: %[[R:.*]] = pg.reduce sum %arg0 axes [1] : (tensor<2x6xf32>) -> tensor<2x1xf32>
// CHECK: %[[I:.*]] = pg.iota axis 1 : tensor<2x3xi64>
// CHECK: %[[F:.*]] = pg.constant dense<3> : tensor<i64>
// CHECK: %[[P:.*]] = pg.add %[[I]], %[[F]]
// CHECK: %[[C:.*]] = pg.convert %[[P]] : (tensor<2x3xi64>) -> tensor<2x3xf32>
// CHECK: pg.mul %[[C]], %[[R]] : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
func.func @others(%x: tensor<2x6xf32>) -> tensor<2x3xf32> attributes {pg.scored = 3 : i64} {
  %r = pg.reduce sum %x axes [1] : (tensor<2x6xf32>) -> tensor<2x1xf32>
  %i = pg.iota axis 1 : tensor<2x6xi64>
  %c = pg.convert %i : (tensor<2x6xi64>) -> tensor<2x6xf32>
  %y = pg.mul %c, %r : (tensor<2x6xf32>, tensor<2x1xf32>) -> tensor<2x6xf32>
  %z = pg.slice %y offsets [0, 3] sizes [2, 3] : (tensor<2x6xf32>) -> tensor<2x3xf32>
  return %z : tensor<2x3xf32>
}

// -----

// Functions that do not say that they return a slice of positions stay as they are.
// CHECK-LABEL: func @other
// CHECK: pg.exp {{.*}} -> tensor<1x6xf32>
func.func @other(%x: tensor<1x6xf32>) -> tensor<1x2xf32> {
  %e = pg.exp %x : (tensor<1x6xf32>) -> tensor<1x6xf32>
  %z = pg.slice %e offsets [0, 4] sizes [1, 2] : (tensor<1x6xf32>) -> tensor<1x2xf32>
  return %z : tensor<1x2xf32>
}
