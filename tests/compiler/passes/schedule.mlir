// RUN: pg-opt %s --place-variables --schedule | FileCheck %s
// RUN: pg-opt %s --place-variables --schedule --plan-memory --verify-schedule

pg.variable @p : tensor<32xf32> {space = "parameter"}
pg.variable @g : tensor<32xf32> {space = "state"}
pg.variable @m : tensor<32xf32> {space = "state"}

sched.kernel @mul(%x: tensor<32xf32>, %a: f64)
    attributes {kind = "rows", outer = 0, chunks = 1, scalars = 1, result_modes = ["store"]} {
  %s = pg.splat %a : (f64) -> tensor<f32>
  %y = pg.mul %x, %s : (tensor<32xf32>, tensor<f32>) -> tensor<32xf32>
  sched.yield %y : tensor<32xf32>
}
sched.kernel @smear(%x: tensor<32xf32>) attributes {kind = "rows", outer = 0, chunks = 1, result_modes = ["store"]} {
  %s = pg.shift %x axis 0 by 1 : (tensor<32xf32>) -> tensor<32xf32>
  %y = pg.add %x, %s : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  sched.yield %y : tensor<32xf32>
}
sched.kernel @update(%p: tensor<32xf32>, %g: tensor<32xf32>, %m: tensor<32xf32>)
    attributes {kind = "rows", outer = 0, chunks = 1, result_modes = ["store", "store"]} {
  %n = pg.add %g, %m : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  %q = pg.sub %p, %n : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  sched.yield %n, %q : tensor<32xf32>, tensor<32xf32>
}
sched.kernel @add(%x: tensor<32xf32>) attributes {kind = "rows", outer = 0, chunks = 1, result_modes = ["accumulate"]} {
  sched.yield %x : tensor<32xf32>
}

// Values are views of the io arena, of variables, or temporary; step values become arithmetic of the program.
// CHECK-LABEL: sched.program @train.plain
// CHECK-SAME: inputs = [#sched.port<"tokens" of tensor<32xf32> at <@io + 0 : 128>>]
// CHECK-SAME: outputs = [#sched.port<"loss" of tensor<16xf32> at <@io + 128 : 64>>, #sched.port<"copy" of tensor<32xf32> at <@io + 192 : 128>>]
// CHECK-SAME: phase = "plain", role = "train"
// CHECK-NEXT: sched.temp "t0" bytes(128)
// CHECK-NEXT: %[[P:.*]] = pg.progress
// CHECK-NEXT: sched.launch @mul chunks(1) buffers [#sched.buf<@io + 0 : 128>, #sched.buf<@t0 + 0 : 128>] scalars(%[[P]])
// CHECK-NEXT: sched.launch @add chunks(1) buffers [#sched.buf<@t0 + 0 : 128>, #sched.buf<@states + 0 : 128>]
// CHECK-NEXT: sched.launch @mul chunks(1) buffers [#sched.buf<@t0 + 0 : 128>, #sched.buf<@io + 192 : 128>] scalars(%[[P]])
// CHECK-NEXT: sched.copy <@t0 + 64 : 64> to <@io + 128 : 64>
func.func @train.plain(%x: tensor<32xf32>) -> (tensor<16xf32> {pg.name = "loss"}, tensor<32xf32> {pg.name = "copy"})
    attributes {pg.role = "train", pg.phase = "plain"} {
  %p = pg.progress
  %y = sched.call @mul(%x, %p) : (tensor<32xf32>, f64) -> tensor<32xf32>
  sched.call @add(%y) accumulates [@g] : (tensor<32xf32>) -> ()
  %h = pg.slice %y offsets [16] sizes [16] : (tensor<32xf32>) -> tensor<16xf32>
  %z = sched.call @mul(%y, %p) : (tensor<32xf32>, f64) -> tensor<32xf32>
  return %h, %z : tensor<16xf32>, tensor<32xf32>
}

// An elementwise kernel writes new values over the old ones.
// CHECK-LABEL: sched.program @update.inplace
// CHECK-NEXT: sched.launch @update chunks(1) buffers [#sched.buf<@parameters + 0 : 128>, #sched.buf<@states + 0 : 128>, #sched.buf<@states + 128 : 128>, #sched.buf<@states + 128 : 128>, #sched.buf<@parameters + 0 : 128>]
// CHECK-NEXT: }
func.func @update.inplace() attributes {pg.role = "update", pg.phase = "inplace"} {
  %p = pg.load @p : tensor<32xf32>
  %g = pg.load @g : tensor<32xf32>
  %m = pg.load @m : tensor<32xf32>
  %n:2 = sched.call @update(%p, %g, %m) : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>) -> (tensor<32xf32>, tensor<32xf32>)
  pg.store %n#0, @m : tensor<32xf32>
  pg.store %n#1, @p : tensor<32xf32>
  return
}

// One that reads more than one place must not.
// CHECK-LABEL: sched.program @update.rows
// CHECK: sched.launch @smear chunks(1) buffers [#sched.buf<@parameters + 0 : 128>, #sched.buf<@[[T:.*]] + 0 : 128>]
// CHECK-NEXT: sched.copy <@[[T]] + 0 : 128> to <@parameters + 0 : 128>
func.func @update.rows() attributes {pg.role = "update", pg.phase = "rows"} {
  %p = pg.load @p : tensor<32xf32>
  %q = sched.call @smear(%p) : (tensor<32xf32>) -> tensor<32xf32>
  pg.store %q, @p : tensor<32xf32>
  return
}

// The old value is read after the new one was stored: it is kept aside.
// CHECK-LABEL: sched.program @update.old
// CHECK: sched.copy <@parameters + 0 : 128> to <@[[OLD:.*]] + 0 : 128>
// CHECK-NEXT: sched.launch @smear chunks(1) buffers [#sched.buf<@[[OLD]] + 0 : 128>, #sched.buf<@[[NEW:.*]] + 0 : 128>]
// CHECK-NEXT: sched.copy <@[[NEW]] + 0 : 128> to <@parameters + 0 : 128>
// CHECK-NEXT: sched.launch @smear chunks(1) buffers [#sched.buf<@[[OLD]] + 0 : 128>, #sched.buf<@states + 0 : 128>]
// CHECK-NEXT: sched.copy <@states + 0 : 128> to <@states + 128 : 128>
func.func @update.old() attributes {pg.role = "update", pg.phase = "old"} {
  %p = pg.load @p : tensor<32xf32>
  %q = sched.call @smear(%p) : (tensor<32xf32>) -> tensor<32xf32>
  pg.store %q, @p : tensor<32xf32>
  %r = sched.call @smear(%p) : (tensor<32xf32>) -> tensor<32xf32>
  pg.store %r, @g : tensor<32xf32>
  pg.store %r, @m : tensor<32xf32>
  return
}

// Parts of a concat are produced in their places, if these are aligned.
// CHECK-LABEL: sched.program @score.concat
// CHECK: sched.launch @smear chunks(1) buffers [#sched.buf<@io + 0 : 128>, #sched.buf<@[[C:t[0-9]]] + 0 : 128>]
// CHECK-NEXT: sched.launch @smear chunks(1) buffers [#sched.buf<@[[C]] + 0 : 128>, #sched.buf<@[[C]] + 128 : 128>]
// CHECK-NEXT: sched.copy <@io + 0 : 128> to <@[[C]] + 256 : 128>
// CHECK-NEXT: sched.copy <@[[C]] + 4 : 128> to <@[[U:t[0-9]]] + 0 : 128>
// CHECK-NEXT: sched.launch @smear chunks(1) buffers [#sched.buf<@[[U]] + 0 : 128>, #sched.buf<@io + 128 : 128>]
func.func @score.concat(%x: tensor<32xf32>) -> (tensor<32xf32> {pg.name = "nll"}) attributes {pg.role = "score"} {
  %a = sched.call @smear(%x) : (tensor<32xf32>) -> tensor<32xf32>
  %b = sched.call @smear(%a) : (tensor<32xf32>) -> tensor<32xf32>
  %c = pg.concat %a, %b, %x : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>) -> tensor<96xf32>
  %u = pg.slice %c offsets [1] sizes [32] : (tensor<96xf32>) -> tensor<32xf32>
  %y = sched.call @smear(%u) : (tensor<32xf32>) -> tensor<32xf32>
  return %y : tensor<32xf32>
}
