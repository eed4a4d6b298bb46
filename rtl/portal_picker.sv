// Picks portals out of a request vector, fairly, with everything registered.
//
// Contract: requests are taken into a round; a round is served lowest portal first, and the next
// one begins when it is empty, so no portal is served twice before another that was waiting. pick_o
// is high while idx_o (onehot_o) is picked; the owner drops that portal's request then. advance_i =
// 0 holds the pick. A request may have been withdrawn since its round began: the owner checks
// again. One pick a cycle but for one cycle a round; request to pick: 2 cycles.
// Cost: 2 x NumPortals flip-flops, one search in groups of 8 (5 LUT levels for 64 portals).
// EXALLOC_FAST_SIM: the search in word arithmetic, which a simulator does in a few instructions;
// portal_picker_props.svh has the proof that they agree.
`default_nettype none

module portal_picker #(
    parameter int unsigned NumPortals = 64,
    parameter int unsigned PortalW    = $clog2(NumPortals)
) (
    input  wire                   clk_i,
    input  wire                   rst_i,
    input  wire  [NumPortals-1:0] req_i,
    input  wire                   advance_i,
    output logic                  pick_o,
    output logic [   PortalW-1:0] idx_o,
    output logic [NumPortals-1:0] onehot_o
);

  localparam int unsigned Groups = (NumPortals + 7) / 8;
  localparam int unsigned Wide   = Groups * 8;

  logic [NumPortals-1:0] round_q;
  logic [NumPortals-1:0] onehot_q;
  logic [   PortalW-1:0] idx_q;
  logic                  pick_q;

  logic [      Wide-1:0] round;
`ifdef EXALLOC_FAST_SIM
  logic                  any;
`else
  logic [    Groups-1:0] any;
  logic [    Groups-1:0] chosen;
`endif
  logic [      Wide-1:0] first;
  logic [         5:0]   idx;

  assign round = Wide'(round_q);

`ifdef EXALLOC_FAST_SIM
  assign any   = round != '0;
  assign first = round & -round;
  assign idx   = {|(64'(first) & 64'hffff_ffff_0000_0000), |(64'(first) & 64'hffff_0000_ffff_0000),
                  |(64'(first) & 64'hff00_ff00_ff00_ff00), |(64'(first) & 64'hf0f0_f0f0_f0f0_f0f0),
                  |(64'(first) & 64'hcccc_cccc_cccc_cccc), |(64'(first) & 64'haaaa_aaaa_aaaa_aaaa)};
`else
  always_comb begin
    for (int unsigned g = 0; g < Groups; g = g + 1) any[g] = |round[g*8+:8];
  end

  // Masked ORs instead of a chain from bit to bit.
  always_comb begin
    idx = '0;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      chosen[g] = any[g] && (any & ~({Groups{1'b1}} << g)) == '0;
      for (int unsigned i = 0; i < 8; i = i + 1) begin
        first[g*8+i] = round[g*8+i] && chosen[g] && (round[g*8+:8] & ~(8'hff << i)) == '0;
        if (first[g*8+i]) idx = idx | 6'(g * 8 + i);
      end
    end
  end
`endif

  assign pick_o   = pick_q;
  assign idx_o    = idx_q;
  assign onehot_o = pick_q ? onehot_q : '0;

  always_ff @(posedge clk_i) begin
    if (advance_i) begin
      pick_q   <= any != '0;
      idx_q    <= idx[PortalW-1:0];
      onehot_q <= first[NumPortals-1:0];
      round_q  <= round_q & ~first[NumPortals-1:0];
    end
    // The request of the portal picked last is still there in the cycle of its pick.
    if (any == '0) round_q <= req_i & ~onehot_o;
    if (rst_i) begin
      pick_q  <= 1'b0;
      round_q <= '0;
    end
  end

  logic unused;
  assign unused = &{1'b0, idx};

endmodule

`default_nettype wire
