// RUN: pg-opt %s --block-head=rows=6 --canonicalize --cse | FileCheck %s

// Ten rows in blocks of six and four: no tensor of all logits is left, forward or backward.
pg.variable @e : tensor<50x8xf32> {space = "parameter"}
pg.variable @"e:grad" : tensor<50x8xf32> {space = "gradient"}

// CHECK-LABEL: @train.plain
// CHECK-NOT: 10x50x
// CHECK-NOT: 2x5x50x
// CHECK: pg.linear %{{.*}}, %{{.*}} : (tensor<6x8xf32>, tensor<50x8xf32>) -> tensor<6x50xf32>
// CHECK: pg.pick
// CHECK: pg.accumulate %{{.*}}, @"e:grad"
// CHECK: pg.linear %{{.*}}, %{{.*}} : (tensor<4x8xf32>, tensor<50x8xf32>) -> tensor<4x50xf32>
// CHECK: pg.accumulate %{{.*}}, @"e:grad"
// CHECK: pg.concat %{{.*}}, %{{.*}} : (tensor<6x1xf32>, tensor<4x1xf32>) -> tensor<10x1xf32>
// CHECK: return
func.func @train.plain(%tokens: tensor<2x5xi64>, %targets: tensor<2x5xi64>, %h: tensor<2x5x8xf32>) -> (tensor<2x5x1xf32>, tensor<2x5x8xf32>) {
  %e = pg.load @e : tensor<50x8xf32>
  %z = pg.linear %h, %e : (tensor<2x5x8xf32>, tensor<50x8xf32>) -> tensor<2x5x50xf32>
  %l = pg.tanh %z : (tensor<2x5x50xf32>) -> tensor<2x5x50xf32>
  %x = pg.exp %l : (tensor<2x5x50xf32>) -> tensor<2x5x50xf32>
  %sum = pg.reduce sum %x axes [2] : (tensor<2x5x50xf32>) -> tensor<2x5x1xf32>
  %lse = pg.log %sum : (tensor<2x5x1xf32>) -> tensor<2x5x1xf32>
  %p = pg.pick %l, %targets : (tensor<2x5x50xf32>, tensor<2x5xi64>) -> tensor<2x5x1xf32>
  %nll = pg.sub %lse, %p : (tensor<2x5x1xf32>, tensor<2x5x1xf32>) -> tensor<2x5x1xf32>
  %d = pg.div %x, %sum : (tensor<2x5x50xf32>, tensor<2x5x1xf32>) -> tensor<2x5x50xf32>
  %dh = pg.matmul %d, %e : (tensor<2x5x50xf32>, tensor<50x8xf32>) -> tensor<2x5x8xf32>
  %df = pg.reshape %d : (tensor<2x5x50xf32>) -> tensor<10x50xf32>
  %hf = pg.reshape %h : (tensor<2x5x8xf32>) -> tensor<10x8xf32>
  %de = pg.matmul %df, %hf {transpose_a} : (tensor<10x50xf32>, tensor<10x8xf32>) -> tensor<50x8xf32>
  pg.accumulate %de, @"e:grad" : tensor<50x8xf32>
  return %nll, %dh : tensor<2x5x1xf32>, tensor<2x5x8xf32>
}

// A sum over rows in between: all logits are needed at once, and nothing changes.
// CHECK-LABEL: @mixes
// CHECK: pg.linear %{{.*}} -> tensor<2x5x50xf32>
func.func @mixes(%tokens: tensor<2x5xi64>, %targets: tensor<2x5xi64>, %h: tensor<2x5x8xf32>) -> tensor<2x5x1xf32> {
  %e = pg.load @e : tensor<50x8xf32>
  %z = pg.linear %h, %e : (tensor<2x5x8xf32>, tensor<50x8xf32>) -> tensor<2x5x50xf32>
  %sum = pg.reduce max %z axes [0, 1] : (tensor<2x5x50xf32>) -> tensor<1x1x50xf32>
  %l = pg.sub %z, %sum : (tensor<2x5x50xf32>, tensor<1x1x50xf32>) -> tensor<2x5x50xf32>
  %p = pg.pick %l, %targets : (tensor<2x5x50xf32>, tensor<2x5xi64>) -> tensor<2x5x1xf32>
  return %p : tensor<2x5x1xf32>
}
