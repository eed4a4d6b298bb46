// slab_bank_predict: chooses the slab whose mask an operation reads.
//
// Contract: a release or link reads its own slab. A grant needs no read of its own, its head mask
// being cached with the list; its read slot fetches the first slab of the order whose mask is
// neither cached nor already on its way. The list is known as it was five operations ago:
//   - the four operations since are followed exactly as far as they fetch: the place in the order
//     each of them reads moves along with the pushes and pops executed meanwhile;
//   - what they will push is guessed: with the hint set (the last release pushed, and grants since
//     exhausted their slab) every release, which moves the deepest masks out of the cache;
//   - without the hint nothing is fetched from further down than pops will probably bring it up.
// A wrong guess only costs a later replay.
//
// Two stages: count (the operation leaves the issue buffer) and choose. Cost: about 165 LUT.
`default_nettype none

module slab_bank_predict #(
  parameter int unsigned AddrW  = 14,
  parameter int unsigned Reach  = 8,
  parameter int unsigned Cached = 4
) (
  input  logic                    clk_i,
  // count: the operation about to choose, and the four ahead of it, the nearest in bit 0
  input  logic [7:0]              count_list_i,
  input  logic [4*8-1:0]          ahead_list_i,
  input  logic [3:0]              ahead_release_i,
  // execute: what happens to the order
  input  logic [7:0]              ex_list_i,
  input  logic                    ex_push_i,
  input  logic                    ex_pop_i,
  input  logic                    replay_i,         // all operations behind are cancelled
  // choose: the state of the list, written back
  input  logic [Reach*AddrW-1:0] ids_i,
  input  logic [Reach-1:0]       exist_i,
  input  logic [Cached-1:0]       ready_i,
  input  logic                    hint_i,           // releases push, grants exhaust
  input  logic                    grant_i,
  input  logic [2:0]              refetch_i,        // one-hot: reads this entry after a replay
  input  logic [AddrW-1:0]        slab_i,           // what an operation other than a grant reads
  output logic                    fetched_o,        // a grant, and it fetches
  output logic [AddrW-1:0]        slab_o
);
  // Nothing is fetched from further down than this without the hint.
  localparam int unsigned Near = Cached + 2;

  if (Reach != 8 || Cached != 4) begin : gen_bad_size
    $error("written for 8 entries and 4 cached masks");
  end

  // At least n of four; written with + it becomes carry chains.
  function automatic logic [4:1] at_least(input logic [3:0] x);
    logic any01, any23, both01, both23;
    any01  = x[0] || x[1];
    any23  = x[2] || x[3];
    both01 = x[0] && x[1];
    both23 = x[2] && x[3];
    at_least = {both01 && both23, (both01 && any23) || (any01 && both23),
                both01 || both23 || (any01 && any23), any01 || any23};
  endfunction

  // Where an entry is after a push or pop
  function automatic logic [Reach-1:0] moved(input logic [Reach-1:0] place, input logic pushed,
                                              input logic popped);
    for (int unsigned k = 0; k < Reach; k++) begin
      moved[k] = pushed ? k > 0 && place[(k+Reach-1)%Reach]
               : popped ? k < Reach - 1 && place[(k+1)%Reach] : place[k];
    end
  endfunction

  // The place each operation ahead reads, if it fetches, in the state that the operation in choose
  // sees; and whether the operations in these stages are of the list in execute. A refetch is
  // behind no operation that pushes or pops.
  logic [Reach-1:0] place, ad_place_q, rd_place_q, fw_place_q, coming, coming_q;
  logic pr_same_q;
  logic [1:0] ad_same_q;
  logic [2:0] rd_same_q;
  logic [3:0] same;
  logic [4:1] pushes_q;
  logic last_same_q, ct_same;
  always_comb begin
    for (int unsigned i = 0; i < 4; i++) same[i] = ahead_list_i[i*8 +: 8] == count_list_i;
    ct_same = ex_list_i == count_list_i;
    coming  = (ad_place_q & {Reach{same[1]}}) | (rd_place_q & {Reach{same[2]}}) |
              (fw_place_q & {Reach{same[3]}});
  end
  always_ff @(posedge clk_i) begin
    pushes_q    <= at_least(same & ahead_release_i);
    last_same_q <= same[0];
    coming_q    <= moved(coming, ct_same && ex_push_i, ct_same && ex_pop_i);
    // An operation compared itself with those one to four ahead when it was in count.
    pr_same_q   <= same[3];
    ad_same_q   <= {ad_same_q[0], same[2]};
    rd_same_q   <= {rd_same_q[1:0], same[1]};
    ad_place_q  <= moved(place, pr_same_q && ex_push_i, pr_same_q && ex_pop_i);
    rd_place_q  <= moved(ad_place_q, ad_same_q[1] && ex_push_i, ad_same_q[1] && ex_pop_i);
    fw_place_q  <= moved(rd_place_q, rd_same_q[2] && ex_push_i, rd_same_q[2] && ex_pop_i);
    if (replay_i) {ad_place_q, rd_place_q, fw_place_q} <= '0;
  end

  // The first entry that is neither cached nor coming
  logic [Reach-1:0] have, wanted;
  logic [1:0] upper_at, lower_at;
  logic [AddrW-1:0] upper, lower;
  logic is_upper, wanted_upper, wanted_lower;
  always_comb begin
    have = coming_q | (ad_place_q & {Reach{last_same_q}});
    for (int unsigned k = 0; k < Cached; k++) begin
      if (ready_i[k] && !(hint_i && pushes_q[Cached-k])) have[k] = 1'b1;
    end
    for (int unsigned k = 0; k < Reach; k++) wanted[k] = exist_i[k] && (k < Near || hint_i);
    if (have[Reach-1]) wanted[Reach-1] = 1'b0;
    is_upper = have[3:0] == 4'hf;
    lower_at = {have[0] && have[1], have[0] && (!have[1] || have[2])};
    upper_at = {have[4] && have[5], have[4] && (!have[5] || have[6])};
    for (int unsigned k = 0; k < Reach; k++) begin
      place[k] = grant_i && wanted[k] && is_upper == (k >= 4) &&
                 (k >= 4 ? upper_at : lower_at) == 2'(k % 4);
    end
    place[2:0] = place[2:0] | refetch_i;
  end
  assign upper = upper_at[1] ? (upper_at[0] ? ids_i[7*AddrW +: AddrW] : ids_i[6*AddrW +: AddrW])
                             : (upper_at[0] ? ids_i[5*AddrW +: AddrW] : ids_i[4*AddrW +: AddrW]);
  assign lower = lower_at[1] ? (lower_at[0] ? ids_i[3*AddrW +: AddrW] : ids_i[2*AddrW +: AddrW])
                             : (lower_at[0] ? ids_i[1*AddrW +: AddrW] : ids_i[0*AddrW +: AddrW]);
  assign wanted_upper = upper_at[1] ? (upper_at[0] ? wanted[7] : wanted[6])
                                    : (upper_at[0] ? wanted[5] : wanted[4]);
  assign wanted_lower = lower_at[1] ? (lower_at[0] ? wanted[3] : wanted[2])
                                    : (lower_at[0] ? wanted[1] : wanted[0]);
  assign slab_o    = !grant_i ? slab_i : is_upper ? upper : lower;
  assign fetched_o = grant_i && (is_upper ? wanted_upper : wanted_lower);
endmodule

`default_nettype wire
