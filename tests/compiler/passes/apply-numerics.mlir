// RUN: pg-opt %s --apply-numerics=mode=bf16 | FileCheck %s --check-prefix=BF16
// RUN: pg-opt %s --apply-numerics=mode=autocast | FileCheck %s --check-prefix=CAST
// RUN: pg-opt %s --apply-numerics=mode=f64 | FileCheck %s --check-prefix=F64
// RUN: pg-opt %s --apply-numerics=mode=f32 | FileCheck %s --check-prefix=F32
// RUN: not pg-opt %s --apply-numerics=mode=f16 2>&1 | FileCheck %s --check-prefix=BAD

// BAD: there is no mode 'f16', only autocast, bf16, f32 and f64

// F64: pg.variable @w : tensor<8x4xf64> {init = {kind = "constant", value = dense<5.000000e-01> : tensor<f64>}
pg.variable @w : tensor<8x4xf32> {space = "parameter", init = {kind = "constant", value = dense<5.0e-01> : tensor<f32>}}

// Operands of products are rounded, once each; products stay float32.
// BF16-LABEL: @linear
// BF16: %[[X:.*]] = pg.convert %arg0 : (tensor<3x4xf32>) -> tensor<3x4xbf16>
// BF16: %[[W:.*]] = pg.convert %{{.*}} : (tensor<8x4xf32>) -> tensor<8x4xbf16>
// BF16: %[[Y:.*]] = pg.linear %[[X]], %[[W]] : (tensor<3x4xbf16>, tensor<8x4xbf16>) -> tensor<3x8xf32>
// BF16: %[[YR:.*]] = pg.convert %[[Y]]
// BF16: pg.matmul %[[YR]], %[[W]]
// F64-LABEL: func.func @linear(%arg0: tensor<3x4xf64>) -> tensor<3x4xf64>
// F64: pg.linear %{{.*}} -> tensor<3x8xf64>
// F32-LABEL: @linear
// F32-NOT: convert
func.func @linear(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %w = pg.load @w : tensor<8x4xf32>
  %y = pg.linear %x, %w : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
  %z = pg.matmul %y, %w : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
  return %z : tensor<3x4xf32>
}

// BF16-LABEL: @exempt
// BF16-NEXT: pg.matmul %arg0, %arg1 : (tensor<3x4xf32>, tensor<4x5xf32>)
// F32-LABEL: @exempt
// F32-NEXT: pg.matmul %arg0, %arg1
func.func @exempt(%x: tensor<3x4xf32>, %y: tensor<4x5xf32>) -> tensor<3x5xf32> {
  %0 = pg.f32 %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %1 = pg.matmul %0, %y : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return %1 : tensor<3x5xf32>
}

// The saved output of attention stays float32.
// BF16-LABEL: @attention_grad
// BF16: pg.attention_grad %{{.*}} : (tensor<1x4x2x8xbf16>, tensor<1x4x1x8xbf16>, tensor<1x4x1x8xbf16>, tensor<1x4x2x8xf32>, tensor<1x4x2xf32>, tensor<1x4x2x8xbf16>)
func.func @attention_grad(%q: tensor<1x4x2x8xf32>, %k: tensor<1x4x1x8xf32>, %g: tensor<1x4x2x8xf32>) -> tensor<1x4x2x8xf32> {
  %o, %lse = pg.attention %q, %k, %k : (tensor<1x4x2x8xf32>, tensor<1x4x1x8xf32>, tensor<1x4x1x8xf32>) -> (tensor<1x4x2x8xf32>, tensor<1x4x2xf32>)
  %dq, %dk, %dv = pg.attention_grad %q, %k, %k, %o, %lse, %g : (tensor<1x4x2x8xf32>, tensor<1x4x1x8xf32>, tensor<1x4x1x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2xf32>, tensor<1x4x2x8xf32>) -> (tensor<1x4x2x8xf32>, tensor<1x4x1x8xf32>, tensor<1x4x1x8xf32>)
  return %dq : tensor<1x4x2x8xf32>
}

// Decoders multiply in float32.
// BF16-LABEL: @decode
// BF16-NOT: bf16
// BF16: return
func.func @decode(%a: tensor<4x2xf32>, %b: tensor<2x5xf32>) -> tensor<4x5xf32> attributes {pg.role = "decode"} {
  %0 = pg.matmul %a, %b : (tensor<4x2xf32>, tensor<2x5xf32>) -> tensor<4x5xf32>
  return %0 : tensor<4x5xf32>
}

// Results that hold many numbers a token are rounded too, but for lse and what is exempt; others read them as they are then.
// CAST-LABEL: @activations
// CAST: %[[O:.*]], %[[LSE:.*]] = pg.attention
// CAST-NEXT: %[[ON:.*]] = pg.convert %[[O]] : (tensor<1x4x2x16xf32>) -> tensor<1x4x2x16xbf16>
// CAST: %[[Y:.*]] = pg.linear {{.*}} -> tensor<1x4x64xf32>
// CAST-NEXT: %[[YN:.*]] = pg.convert %[[Y]] : (tensor<1x4x64xf32>) -> tensor<1x4x64xbf16>
// CAST-NEXT: %[[YW:.*]] = pg.convert %[[YN]] : (tensor<1x4x64xbf16>) -> tensor<1x4x64xf32>
// CAST: pg.attention_grad %{{.*}}, %{{.*}}, %{{.*}}, %[[ON]], %[[LSE]], %{{.*}} : ({{.*}}, tensor<1x4x2x16xbf16>, tensor<1x4x2xf32>, tensor<1x4x2x16xbf16>)
// CAST-NEXT: pg.convert
// CAST: %[[Z:.*]] = pg.linear %[[YN]], %{{.*}} -> tensor<1x4x64xf32>
// CAST: %[[DW:.*]] = pg.matmul {{.*}} {transpose_a} : {{.*}} -> tensor<64x64xf32>
// CAST-NEXT: return %[[YW]], %[[Z]], %[[DW]], %{{.*}} :
// BF16-LABEL: @activations
// BF16: %[[Y:.*]] = pg.linear
// BF16: %[[Z:.*]] = pg.linear
// BF16: return %[[Y]], %[[Z]]
func.func @activations(%tokens: tensor<1x4xi64>, %q: tensor<1x4x2x16xf32>, %x: tensor<1x4x64xf32>, %w: tensor<64x64xf32>) -> (tensor<1x4x64xf32>, tensor<1x4x64xf32>, tensor<64x64xf32>, tensor<1x4x2x16xf32>) {
  %o, %lse = pg.attention %q, %q, %q : (tensor<1x4x2x16xf32>, tensor<1x4x2x16xf32>, tensor<1x4x2x16xf32>) -> (tensor<1x4x2x16xf32>, tensor<1x4x2xf32>)
  %y = pg.linear %x, %w : (tensor<1x4x64xf32>, tensor<64x64xf32>) -> tensor<1x4x64xf32>
  %dq, %dk, %dv = pg.attention_grad %q, %q, %q, %o, %lse, %o : (tensor<1x4x2x16xf32>, tensor<1x4x2x16xf32>, tensor<1x4x2x16xf32>, tensor<1x4x2x16xf32>, tensor<1x4x2xf32>, tensor<1x4x2x16xf32>) -> (tensor<1x4x2x16xf32>, tensor<1x4x2x16xf32>, tensor<1x4x2x16xf32>)
  %z = pg.linear %y, %w : (tensor<1x4x64xf32>, tensor<64x64xf32>) -> tensor<1x4x64xf32>
  %exempt = pg.f32 %z : (tensor<1x4x64xf32>) -> tensor<1x4x64xf32>
  %rows = pg.reshape %y : (tensor<1x4x64xf32>) -> tensor<4x64xf32>
  %dw = pg.matmul %rows, %rows {transpose_a} : (tensor<4x64xf32>, tensor<4x64xf32>) -> tensor<64x64xf32>
  return %y, %exempt, %dw, %dq : tensor<1x4x64xf32>, tensor<1x4x64xf32>, tensor<64x64xf32>, tensor<1x4x2x16xf32>
}

// A part of a result is as narrow as the whole.
// CAST-LABEL: @part
// CAST: %[[PY:.*]] = pg.linear
// CAST-NEXT: %[[YN:.*]] = pg.convert %[[PY]] :
// CAST: %[[PART:.*]] = pg.slice %[[YN]] {{.*}} -> tensor<1x4x32xbf16>
// CAST-NEXT: %[[WIDE:.*]] = pg.convert %[[PART]] : (tensor<1x4x32xbf16>) -> tensor<1x4x32xf32>
// CAST-NEXT: return %[[WIDE]]
func.func @part(%tokens: tensor<1x4xi64>, %x: tensor<1x4x64xf32>, %w: tensor<64x64xf32>) -> tensor<1x4x32xf32> {
  %y = pg.linear %x, %w : (tensor<1x4x64xf32>, tensor<64x64xf32>) -> tensor<1x4x64xf32>
  %0 = pg.slice %y offsets [0, 0, 32] sizes [1, 4, 32] : (tensor<1x4x64xf32>) -> tensor<1x4x32xf32>
  return %0 : tensor<1x4x32xf32>
}
