// RUN: pg-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{has unknown kind 'row'}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "row", result_modes = ["store"]} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has unknown result mode 'add'}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["add"]} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{yields 1 results, but has 2 result modes}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store", "store"]} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has 1 arguments, but states 2 scalars}}
sched.kernel @k(%a: f64) attributes {kind = "rows", scalars = 2, result_modes = []} {
  sched.yield
}

// -----

// expected-error@+1 {{argument 0 is a scalar and must be f64}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", scalars = 1, result_modes = []} {
  sched.yield
}

// -----

// expected-error@+1 {{needs at least one chunk}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", chunks = 0, result_modes = []} {
  sched.yield
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{calls unknown kernel k}}
  sched.call @k(%x) : (tensor<4xf32>) -> ()
  return
}

// -----

sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["accumulate"]} {
  sched.yield %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{names too few variables to accumulate into}}
  sched.call @k(%x) : (tensor<4xf32>) -> ()
  return
}

// -----

sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"]} {
  sched.yield %x : tensor<4xf32>
}
func.func @f(%x: tensor<8xf32>) {
  // expected-error@+1 {{operands do not fit kernel k}}
  %y = sched.call @k(%x) : (tensor<8xf32>) -> tensor<4xf32>
  return
}

// -----

sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", chunks = 2, result_modes = ["store"]} {
  sched.yield %x : tensor<4xf32>
}
sched.program @p attributes {role = "train", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{launches 3 chunks of a kernel that has 2}}
  sched.launch @k chunks(3) buffers [#sched.buf<@a + 0 : 16>, #sched.buf<@a + 64 : 16>]
}

// -----

sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"]} {
  sched.yield %x : tensor<4xf32>
}
sched.program @p attributes {role = "train", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{buffer 1 has 12 bytes, the kernel's has 16}}
  sched.launch @k chunks(1) buffers [#sched.buf<@a + 0 : 16>, #sched.buf<@a + 64 : 12>]
}

// -----

sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"]} {
  sched.yield %x : tensor<4xf32>
}
sched.program @p attributes {role = "train", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{passes 1 buffers to a kernel of 2}}
  sched.launch @k chunks(1) buffers [#sched.buf<@a + 0 : 16>]
}

// -----

sched.program @p attributes {role = "train", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{copies 16 bytes to 32}}
  sched.copy <@a + 0 : 16> to <@a + 64 : 32>
}

// -----

sched.program @p attributes {role = "train", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{source and destination overlap}}
  sched.copy <@a + 0 : 32> to <@a + 16 : 32>
}

// -----

// expected-error@+1 {{a buffer cannot have a negative offset or size}}
sched.constant dense<1.0> : tensor<4xf32> at <@a + -64 : 16>

// -----

// expected-error@+1 {{has 16 bytes, its buffer 32}}
sched.constant dense<1.0> : tensor<4xf32> at <@a + 0 : 32>

// -----

sched.arena @a bytes(256)
sched.program @p attributes {role = "quantize", phase = "", inputs = [], outputs = []} {
  // expected-error@+1 {{'sched.host' op writes 2 of 1 buffers}}
  sched.host "svd" buffers [#sched.buf<@a + 0 : 64>] written(2) {rank = 1 : i64}
}

// -----

// expected-error@+1 {{has no 'threads' in}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"], gpu = {grid = array<i64: 1, 1, 1>}} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has no 'grid' of three numbers of blocks}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"], gpu = {grid = array<i64: 1>, threads = 32}} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has blocks or clusters of a size that no GPU has}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"], gpu = {grid = array<i64: 1, 1, 1>, threads = 2048}} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has unknown entries in}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"], gpu = {grid = array<i64: 1, 1, 1>, threads = 32, warps = 1}} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has a tensor map of buffer 2, which it lacks}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"], gpu = {grid = array<i64: 1, 1, 1>, threads = 32,
    tensor_maps = [{buffer = 2, type = f32, sizes = array<i64: 4>, strides = array<i64>, box = array<i64: 4>}]}} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has a 'm' of 0}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"],
    library = {m = 0, n = 1, k = 1, a_type = f32, b_type = f32, d_type = f32}} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{is either a GPU's launch or a library's product}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"], gpu = {grid = array<i64: 1, 1, 1>, threads = 32},
    library = {m = 1, n = 1, k = 1, a_type = f32, b_type = f32, d_type = f32}} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has a part without a kernel}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"], gpu = {grid = array<i64: 1, 1, 1>, threads = 32,
    parts = [{gpu = {grid = array<i64: 1, 1, 1>, threads = 32}}]}} {
  sched.yield %x : tensor<4xf32>
}

// -----

// expected-error@+1 {{has no 'threads' in}}
sched.kernel @k(%x: tensor<4xf32>) attributes {kind = "rows", result_modes = ["store"], gpu = {grid = array<i64: 1, 1, 1>, threads = 32,
    parts = [{kernel = @j, gpu = {grid = array<i64: 1, 1, 1>}}]}} {
  sched.yield %x : tensor<4xf32>
}
