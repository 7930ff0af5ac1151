// RUN: pg-opt %s --verify-expanded --verify-differentiated --verify-quantized --verify-primitive -split-input-file -verify-diagnostics

func.func @recurrence(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{is left after expand-recurrence}}
  %0 = pg.recur(%x) order [0] skips 0 : tensor<4xf32>
  layer (%a: tensor<4xf32>) {
    pg.yield %a : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{is left after differentiate}}
func.func @forward.plain() attributes {pg.role = "forward"} {
  return
}

// -----

pg.variable @w : tensor<4xf32> {space = "parameter"}
func.func @train.plain(%x: tensor<4xf32>) attributes {pg.role = "train"} {
  // expected-error @+1 {{changes a variable in a training function}}
  pg.store %x, @w : tensor<4xf32>
  // expected-error @+1 {{adds to a variable that is no gradient in a training function}}
  pg.accumulate %x, @w : tensor<4xf32>
  return
}

// -----

func.func @composite(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{is not primitive}}
  %0 = pg.rms_norm %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

pg.variable @w : tensor<4xf32> {space = "parameter"}
pg.variable @"w:leaf0" : tensor<4xf32> {space = "leaf"}
pg.variable @"w:hessian" : tensor<4xf32> {space = "hessian"}
func.func @capture() attributes {pg.role = "capture"} {
  %0 = pg.load @w : tensor<4xf32>
  pg.accumulate %0, @"w:hessian" : tensor<4xf32>
  // expected-error @+1 {{must not reach this variable in 'capture'}}
  pg.store %0, @w : tensor<4xf32>
  return
}
func.func @quantize() attributes {pg.role = "quantize"} {
  %0 = pg.load @"w:hessian" : tensor<4xf32>
  pg.store %0, @"w:leaf0" : tensor<4xf32>
  // expected-error @+1 {{must not reach this variable in 'quantize'}}
  pg.store %0, @w : tensor<4xf32>
  return
}
func.func @decode() attributes {pg.role = "decode"} {
  // expected-error @+1 {{must not reach this variable in 'decode'}}
  %0 = pg.load @w : tensor<4xf32>
  %1 = pg.load @"w:leaf0" : tensor<4xf32>
  pg.store %1, @w : tensor<4xf32>
  return
}
