// Round-robin arbiter over N requests.
//
// Contract: gnt_o is one-hot (or 0) and gnt_idx_o its index, both combinational from req_i; valid_o
// says that there is a grant. When advance_i is high the granted requester becomes the one served
// last. As long as a requester keeps asking, each other one is served at most once before it.
// Cost: two priority searches (behind the one served last, and over all), in groups of 8 so that the
// depth stays at 6 LUT levels for 64 requesters, and N flip-flops: the pointer is kept as a mask,
// so that no decoder stands before the searches. EXALLOC_FAST_SIM: the searches in word arithmetic,
// which a simulator does in a few instructions; rr_arbiter_props.svh has the proof that they agree.
`default_nettype none

module rr_arbiter #(
    parameter int unsigned N    = 64,
    parameter int unsigned IdxW = (N > 1) ? $clog2(N) : 1
) (
    input  wire             clk_i,
    input  wire             rst_i,
    input  wire  [N-1:0]    req_i,
    input  wire             advance_i,
    output logic [N-1:0]    gnt_o,
    output logic [IdxW-1:0] gnt_idx_o,
    output logic            valid_o
);

  if (N < 1 || N > 64) begin : g_bad_n
    $error("rr_arbiter: N must be 1 to 64");
  end

  localparam int unsigned Groups = (N + 7) / 8;
  localparam int unsigned Wide   = Groups * 8;

  logic [N-1:0]        mask_q;  // bit i: i comes after the one served last
  logic [Wide-1:0]     all;
  logic [Wide-1:0]     late;        // those of `all` that come after the one served last
`ifndef EXALLOC_FAST_SIM
  logic [Wide-1:0]     all_first;   // lowest of each group
  logic [Wide-1:0]     late_first;
  logic [Wide-1:0]     all_above;   // those of a group above its lowest
  logic [Wide-1:0]     late_above;
  logic [Groups*3-1:0] all_low;     // index of the lowest in each group
  logic [Groups*3-1:0] late_low;
  logic [Groups-1:0]   all_any;
  logic [Groups-1:0]   late_any;
  logic [Groups-1:0]   all_before;  // a group before this one has a request
  logic [Groups-1:0]   late_before;
  logic [Groups-1:0]   pick_all;
  logic [Groups-1:0]   pick_late;
`endif
  logic [Wide-1:0]     gnt;
  logic [Wide-1:0]     mask_next;
  logic [5:0]          idx;

  assign all     = Wide'(req_i);
  assign late    = all & Wide'(mask_q);
  assign valid_o = |req_i;

`ifdef EXALLOC_FAST_SIM
  logic [Wide-1:0] search;
  assign search    = (late != '0) ? late : all;
  assign gnt       = search & -search;
  assign mask_next = ~(gnt | (gnt - 1'b1));
  assign idx       = {|(64'(gnt) & 64'hffff_ffff_0000_0000), |(64'(gnt) & 64'hffff_0000_ffff_0000),
                      |(64'(gnt) & 64'hff00_ff00_ff00_ff00), |(64'(gnt) & 64'hf0f0_f0f0_f0f0_f0f0),
                      |(64'(gnt) & 64'hcccc_cccc_cccc_cccc), |(64'(gnt) & 64'haaaa_aaaa_aaaa_aaaa)};
`else
  always_comb begin
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      all_any[g]     = |all[g*8 +: 8];
      late_any[g]    = |late[g*8 +: 8];
      all_low[g*3 +: 3]  = '0;
      late_low[g*3 +: 3] = '0;
      for (int unsigned i = 0; i < 8; i = i + 1) begin
        // The bits below i, as a masked OR: no chain from bit to bit.
        all_above[g*8+i]  = |(all[g*8 +: 8] & ~(8'hff << i));
        late_above[g*8+i] = |(late[g*8 +: 8] & ~(8'hff << i));
        all_first[g*8+i]  = all[g*8+i] && !all_above[g*8+i];
        late_first[g*8+i] = late[g*8+i] && !late_above[g*8+i];
        if (all_first[g*8+i]) all_low[g*3 +: 3] = all_low[g*3 +: 3] | 3'(i);
        if (late_first[g*8+i]) late_low[g*3 +: 3] = late_low[g*3 +: 3] | 3'(i);
      end
    end
  end

  always_comb begin
    idx = '0;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      all_before[g]  = |(all_any & ~({Groups{1'b1}} << g));
      late_before[g] = |(late_any & ~({Groups{1'b1}} << g));
      pick_late[g]   = late_any[g] && !late_before[g];
      pick_all[g]    = all_any[g] && !all_before[g] && (late_any == '0);
      gnt[g*8 +: 8]  = (late_first[g*8 +: 8] & {8{pick_late[g]}}) |
                       (all_first[g*8 +: 8] & {8{pick_all[g]}});
      if (late_any != '0) begin
        mask_next[g*8 +: 8] = {8{late_before[g]}} | (late_above[g*8 +: 8] & {8{pick_late[g]}});
      end else begin
        mask_next[g*8 +: 8] = {8{all_before[g]}} | (all_above[g*8 +: 8] & {8{pick_all[g]}});
      end
      idx[2:0] = idx[2:0] | (late_low[g*3 +: 3] & {3{pick_late[g]}}) |
                 (all_low[g*3 +: 3] & {3{pick_all[g]}});
      if (pick_late[g] || pick_all[g]) idx[5:3] = idx[5:3] | 3'(g);
    end
  end
`endif

  assign gnt_o     = gnt[N-1:0];
  assign gnt_idx_o = idx[IdxW-1:0];

  logic unused_tail;  // what lies beyond N in the last group
  assign unused_tail = &{1'b0, gnt, mask_next, idx};

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      mask_q <= '0;
    end else if (advance_i && valid_o) begin
      mask_q <= mask_next[N-1:0];
    end
  end

endmodule

`default_nettype wire
