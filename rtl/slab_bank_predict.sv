// slab_bank_predict: chooses the slab whose mask an operation reads.
//
// A release or link reads its own slab. A grant needs no read of its own, its head mask being
// cached with the list; its read slot fetches a slab further down that will be needed soon. Which
// one is a guess from the state of the list some operations ago and from the operations in flight
// since:
//   target = min(cached, room left by the pushes in flight) + fetches in flight
// and nothing is fetched unless the grants in flight, this one included, will have made room for
// it. A wrong guess only costs a later replay.
//
// Two stages: count (the operation leaves the issue buffer) and choose. Cost: about 150 LUT.
`default_nettype none

module slab_bank_predict #(
  parameter int unsigned AddrW  = 14,
  parameter int unsigned Window = 8,
  parameter int unsigned Cached = 3
) (
  input  logic                    clk_i,
  // count: the operation about to choose, and the four ahead of it, the nearest in bit 0
  input  logic [7:0]              count_list_i,
  input  logic [4*8-1:0]          ahead_list_i,
  input  logic [3:0]              ahead_grant_i,
  input  logic [3:0]              ahead_release_i,
  input  logic [3:0]              ahead_refetch_i,  // after a replay
  input  logic [3:1]              ahead_fetched_i,  // a grant that did fetch
  input  logic                    last_fetched_i,   // the same for the nearest, one stage later
  // choose: the state of the list, written back
  input  logic [Window*AddrW-1:0] ids_i,
  input  logic [Window-1:0]       exist_i,
  input  logic [Cached-1:0]       ready_i,
  input  logic [Cached*2-1:0]     grants_left_i,    // grants a cached slab lasts, less one
  input  logic                    hint_i,           // releases push, grants exhaust
  input  logic                    grant_i,
  input  logic [AddrW-1:0]        slab_i,           // what an operation other than a grant reads
  output logic                    fetched_o,        // a grant, and it fetches
  output logic [AddrW-1:0]        slab_o
);
  // The arithmetic below is spelled out: written with + it becomes carry chains.
  if (Window != 8 || Cached != 3) begin : gen_bad_size
    $error("written for a window of 8 and 3 cached masks");
  end

  // At least n of four
  function automatic logic [4:1] at_least(input logic [3:0] x);
    logic any01, any23, both01, both23;
    any01  = x[0] || x[1];
    any23  = x[2] || x[3];
    both01 = x[0] && x[1];
    both23 = x[2] && x[3];
    at_least = {both01 && both23, (both01 && any23) || (any01 && both23),
                both01 || both23 || (any01 && any23), any01 || any23};
  endfunction

  logic [3:0] same;
  logic [3:1] fetched;
  logic [4:1] grants_q, pushes_q;
  logic [1:0] fetches_q;
  logic refetch_q, last_same_q;
  always_comb begin
    for (int unsigned i = 0; i < 4; i++) same[i] = ahead_list_i[i*8 +: 8] == count_list_i;
    fetched = same[3:1] & ahead_fetched_i;
  end
  always_ff @(posedge clk_i) begin
    grants_q    <= at_least(same & ahead_grant_i);
    pushes_q    <= at_least(same & ahead_release_i);
    fetches_q   <= {(fetched[1] && fetched[2]) || (fetched[1] && fetched[3]) ||
                    (fetched[2] && fetched[3]), ^fetched};
    refetch_q   <= (same & ahead_refetch_i) != 4'd0;
    last_same_q <= same[0];
  end

  // How many slabs the grants in flight and this one exhaust, at least n: a cached slab lasts as
  // many grants as it has quarters with a free block, one not seen yet is taken to last two.
  logic [1:0] left0, left1, left2;
  logic [3:0] sum2_is;
  logic [2:0] sum3_is;
  logic [4:1] pops;
  assign {left2, left1, left0} = grants_left_i;
  assign sum2_is = {(left0 == 2'd0 && left1 == 2'd3) || (left0 == 2'd1 && left1 == 2'd2) ||
                    (left0 == 2'd2 && left1 == 2'd1) || (left0 == 2'd3 && left1 == 2'd0),
                    (left0 == 2'd0 && left1 == 2'd2) || (left0 == 2'd1 && left1 == 2'd1) ||
                    (left0 == 2'd2 && left1 == 2'd0),
                    (left0 == 2'd0 && left1 == 2'd1) || (left0 == 2'd1 && left1 == 2'd0),
                    left0 == 2'd0 && left1 == 2'd0};
  assign sum3_is = {(sum2_is[2] && left2 == 2'd0) || (sum2_is[1] && left2 == 2'd1) ||
                    (sum2_is[0] && left2 == 2'd2),
                    (sum2_is[1] && left2 == 2'd0) || (sum2_is[0] && left2 == 2'd1),
                    sum2_is[0] && left2 == 2'd0};
  assign pops[1] = left0 == 2'd0 || (left0 == 2'd1 && grants_q[1]) ||
                   (left0 == 2'd2 && grants_q[2]) || (left0 == 2'd3 && grants_q[3]);
  assign pops[2] = (sum2_is & grants_q) != 4'd0;
  assign pops[3] = (sum3_is & grants_q[4:2]) != 3'd0;
  assign pops[4] = sum3_is[0] && grants_q[4];

  // Releases that push bring their masks along and move the deepest cached ones out.
  logic [3:1] depth;    // at least n
  logic [2:0] fetches, index;
  logic [1:0] depth_code;
  logic last, carry0, carry1;
  assign depth[1] = (ready_i[0] || refetch_q) && !(hint_i && pushes_q[3]);
  assign depth[2] = (ready_i[1:0] == 2'b11 || refetch_q) && !(hint_i && pushes_q[2]);
  assign depth[3] = (ready_i == 3'b111 || refetch_q) && !(hint_i && pushes_q[1]);
  assign depth_code = {depth[2], (depth[1] && !depth[2]) || depth[3]};
  assign last     = last_same_q && last_fetched_i;
  assign fetches  = {fetches_q == 2'd3 && last, fetches_q[1] ^ (fetches_q[0] && last),
                     fetches_q[0] ^ last};
  assign carry0   = depth_code[0] && fetches[0];
  assign carry1   = (depth_code[1] && fetches[1]) || (depth_code[1] && carry0) ||
                    (fetches[1] && carry0);
  assign index    = {fetches[2] ^ carry1, depth_code[1] ^ fetches[1] ^ carry0,
                     depth_code[0] ^ fetches[0]};

  // An entry beyond the cached ones is worth fetching if the cache will have room for it.
  logic [Window-1:0] wanted;
  logic [AddrW-1:0] upper, lower;
  logic wanted_upper, wanted_lower;
  assign wanted = hint_i ? exist_i & {Window{!pushes_q[4]}} : exist_i & {1'b0, pops, 3'b111};
  assign upper = index[1] ? (index[0] ? ids_i[7*AddrW +: AddrW] : ids_i[6*AddrW +: AddrW])
                          : (index[0] ? ids_i[5*AddrW +: AddrW] : ids_i[4*AddrW +: AddrW]);
  assign lower = index[1] ? (index[0] ? ids_i[3*AddrW +: AddrW] : ids_i[2*AddrW +: AddrW])
                          : (index[0] ? ids_i[1*AddrW +: AddrW] : ids_i[0*AddrW +: AddrW]);
  assign wanted_upper = index[1] ? (index[0] ? wanted[7] : wanted[6])
                                 : (index[0] ? wanted[5] : wanted[4]);
  assign wanted_lower = index[1] ? (index[0] ? wanted[3] : wanted[2])
                                 : (index[0] ? wanted[1] : wanted[0]);
  assign slab_o    = !grant_i ? slab_i : index[2] ? upper : lower;
  assign fetched_o = grant_i && (index[2] ? wanted_upper : wanted_lower);
endmodule

`default_nettype wire
