// Hands out the blocks of one list to a kernel, one token a cycle, asked for ahead.
//
// Contract (docs/protocol.md, Stream ports): while enable_i is high, grants are asked for bank
// after bank (ask_*) and their answers, in order for each bank, come by rsp_*; every block of an
// answer is offered on m_axis_* once. A token offered stays offered. When enable_i falls no more is
// asked for; once all answers are there, everything but the token offered leaves by back_*, one
// mask a cycle, and off_o rises. With withdraw_i, while enable_i is low, the token offered leaves
// too, unless the kernel takes it before: the one way in which m_axis_tvalid_o falls without a
// handshake. A bank that did not grant is dry: it is asked once every 64 * NumBanks cycles until it
// grants. got_o are the blocks of the answer counted in this cycle; while got_full_i is high at
// most two more are counted.
// How much ahead: answers on their way are taken to bring as many blocks
// as the last one did, as a power of two; another grant is asked for while these and the blocks
// held are fewer than Ahead.
// Cost: four queues of answers and one of masks, 32 deep each. From an
// ask answered to its token: 5 cycles.
`default_nettype none

module stream_pop #(
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned SlabW     = 14,  // bits of a slab's number in its bank
    parameter int unsigned SlabWidth = 64,
    parameter int unsigned Ahead     = 48,  // blocks asked for ahead
    parameter int unsigned Places    = 32,  // answers expected or queued
    localparam int unsigned BankW    = $clog2(NumBanks),
    localparam int unsigned QuarterW = SlabWidth / 4
) (
    input  wire                          clk_i,
    input  wire                          rst_i,
    input  wire                          enable_i,
    input  wire                          withdraw_i, // the token offered is taken back too
    output logic                         off_o,      // nothing held, nothing under way
    output logic                         active_o,   // something under way
    output logic                         busy_o,     // or due
    output logic                         empty_o,    // no bank had a block when asked last
    output logic [3:0]                   refused_o,  // why the list was refused when asked last, or ok
    output logic [9:0]                   held_o,     // blocks held, the one offered apart
    output logic                         popped_o,   // the kernel takes a token
    // tokens
    output logic [31:0]                  m_axis_tdata_o,
    output logic                         m_axis_tvalid_o,
    input  wire                          m_axis_tready_i,
    // grants
    output logic                         ask_valid_o,
    input  wire                          ask_ready_i,
    output logic [BankW-1:0]             ask_bank_o,
    input  wire  [NumBanks-1:0]          rsp_valid_i,
    input  wire  [NumBanks*4-1:0]        rsp_status_i,
    input  wire  [NumBanks*SlabW-1:0]    rsp_slab_i,
    input  wire  [NumBanks*2-1:0]        rsp_quarter_i,
    input  wire  [NumBanks*QuarterW-1:0] rsp_bits_i,
    output logic [4:0]                   got_o,
    input  wire                          got_full_i,
    // blocks given back
    output logic                         back_valid_o,
    input  wire                          back_ready_i,
    output logic [BankW-1:0]             back_bank_o,
    output logic [SlabW-1:0]             back_slab_o,
    output logic [SlabWidth-1:0]         back_mask_o,
    output logic [4:0]                   back_count_o
);

  localparam int unsigned IdxW   = $clog2(QuarterW);
  localparam int unsigned PlaceW = $clog2(Places);
  localparam int unsigned MaskW  = BankW + SlabW + 2 + QuarterW;

  if (NumBanks < 2 || NumBanks != (1 << BankW)) begin : g_bad_banks
    $error("stream_pop: NumBanks must be a power of two, at least 2");
  end
  if (SlabWidth < 8 || SlabWidth > 64 || SlabWidth != (1 << $clog2(SlabWidth))) begin : g_bad_width
    $error("stream_pop: SlabWidth must be a power of two from 8 to 64");
  end
  if (Ahead < 1 || Ahead > 512) begin : g_bad_ahead
    $error("stream_pop: Ahead must be 1 to 512");
  end
  if (Places < 8 || Places > 32 || Places != (1 << PlaceW)) begin : g_bad_places
    $error("stream_pop: Places must be 8, 16 or 32");
  end

  typedef enum logic [1:0] {
    StOff, StRun,
    StDrain,  // answers are still on their way
    StGive    // what is held goes back
  } state_e;

  state_e              state_q;
  logic [NumBanks-1:0] dry_q;         // the bank did not grant when asked last
  logic [5:0]          tick_q;
  logic                probe_q;       // one bank is asked though it is dry
  logic [BankW-1:0]    probe_bank_q;
  logic [BankW-1:0]    bank_q;        // asked next
  logic [NumBanks-1:0] candidates;
  logic [BankW-1:0]    target;
  logic                load;          // another grant is asked for
  logic                load_q;
  logic [2:0]          yield_q;       // log2 of what the last grant brought
  logic [1:0]          cool_q;        // cycles until want_q knows of the last ask
  logic [5:0]          unknown_q;     // asked for and not counted
  logic                unknown_zero;
  logic [9:0]          held_q;
  logic [5:0]          change_q;      // of held_q, signed
  logic [10:0]         sum_q;
  logic                want_q;
  logic [5:0]          places_q;      // answers expected or queued
  logic                room_q;
  logic                get_q;         // a mask left its queue
  logic                bad_q;         // a grant that brought none was counted
  logic                counted_q;

  // Stage C: an answer as it left its queue. Stage P: counted. Stage E: its tokens go out.
  logic                c_valid_q;
  logic [3:0]          c_status_q;
  logic [MaskW-1:0]    c_mask_q;
  logic [4:0]          c_count;
  logic                p_ok_q;
  logic                p_bad_q;
  logic [MaskW-1:0]    p_mask_q;
  logic [4:0]          p_count_q;
  logic                e_valid_q;
  logic [BankW-1:0]    e_bank_q;
  logic [SlabW-1:0]    e_slab_q;
  logic [1:0]          e_quarter_q;
  logic [QuarterW-1:0] e_bits_q;
  logic [4:0]          e_count_q;
  logic                out_valid_q;
  logic [31:0]         out_q;

  logic [NumBanks-1:0]           answer_valid;
  logic [NumBanks-1:0]           answer_pick;
  logic [NumBanks-1:0]           answer_take;
  logic                          answer_any;
  logic [NumBanks*(4+MaskW)-1:0] answer;
  logic [4+MaskW-1:0]            picked;
  logic                          mask_valid;
  logic [MaskW+4:0]              mask;
  logic                          give;
  logic                          give_back;
  logic                          e_take;
  logic                          withdraw;
  logic [15:0]                   lowest;
  logic [3:0]                    lowest_idx;

  // ---- Whom to ask ----

  always_comb begin
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      candidates[b] = !dry_q[b] || (probe_q && probe_bank_q == BankW'(b));
    end
    target = bank_q;
    for (int unsigned i = NumBanks; i > 0; i = i - 1) begin
      if (candidates[bank_q + BankW'(i - 1)]) begin
        target = bank_q + BankW'(i - 1);
      end
    end
  end

  assign load = state_q == StRun && enable_i && want_q && room_q && cool_q == '0 &&
                candidates != '0 && (!ask_valid_o || ask_ready_i);

  always_ff @(posedge clk_i) begin
    load_q <= load;
    if (load) begin
      ask_bank_o <= target;
      bank_q     <= target + BankW'(1);
    end
    if (load) begin
      ask_valid_o <= 1'b1;
    end else if (ask_ready_i) begin
      ask_valid_o <= 1'b0;
    end
    // Blocks may come back to a dry bank without anybody telling.
    tick_q <= tick_q + 6'd1;
    if (tick_q == '1) begin
      probe_q      <= 1'b1;
      probe_bank_q <= probe_bank_q + BankW'(1);
    end else if (load && target == probe_bank_q) begin
      probe_q <= 1'b0;
    end
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      if (rsp_valid_i[b]) begin
        dry_q[b] <= rsp_status_i[b*4 +: 4] != exalloc_pkg::StatusOk;
      end
    end
    if (rst_i || state_q == StOff) begin
      dry_q        <= '0;
      probe_q      <= 1'b0;
      tick_q       <= '0;  // a port that is off is at rest
      probe_bank_q <= '0;
    end
    if (rst_i) begin
      ask_valid_o  <= 1'b0;
      load_q       <= 1'b0;
      bank_q       <= '0;
    end
  end

  // ---- How many to ask for ----

  always_ff @(posedge clk_i) begin
    sum_q  <= (11'(unknown_q) << yield_q) + 11'(held_q);
    want_q <= sum_q < 11'(Ahead);
    // Three more may be asked for before room_q knows.
    room_q <= places_q < 6'(Places - 4);
    if (load && yield_q >= 3'd2) begin
      cool_q <= 2'd3;
    end else if (cool_q != '0) begin
      cool_q <= cool_q - 2'd1;
    end
    unknown_q <= unknown_q + 6'(load_q) - 6'(counted_q);
    places_q  <= places_q + 6'(load_q) - (6'(get_q) + 6'(bad_q));
    held_q    <= held_q + {{4{change_q[5]}}, change_q};
    change_q  <= 6'(p_count_q) + 6'(withdraw) - (give_back ? 6'(e_count_q) : 6'(give));
    counted_q <= p_ok_q || p_bad_q;
    bad_q     <= p_bad_q;
    get_q     <= mask_valid && e_take;
    if (rst_i) begin
      sum_q     <= '0;
      want_q    <= 1'b0;
      room_q    <= 1'b0;
      cool_q    <= '0;
      unknown_q <= '0;
      places_q  <= '0;
      held_q    <= '0;
      change_q  <= '0;
      counted_q <= 1'b0;
      bad_q     <= 1'b0;
      get_q     <= 1'b0;
    end
  end

  assign unknown_zero = unknown_q == '0;

  // ---- Answers, counted one a cycle ----

  for (genvar b = 0; b < NumBanks; b = b + 1) begin : g_bank
    logic            unused_ready;  // an ask has its place
    logic [PlaceW:0] unused_count;

    sync_fifo #(
        .Width(4 + MaskW),
        .Depth(Places)
    ) u_answers (
        .clk_i,
        .rst_i,
        .in_valid_i (rsp_valid_i[b]),
        .in_ready_o (unused_ready),
        .in_data_i  ({rsp_status_i[b*4 +: 4], rsp_slab_i[b*SlabW +: SlabW], BankW'(b),
                      rsp_quarter_i[b*2 +: 2], rsp_bits_i[b*QuarterW +: QuarterW]}),
        .out_valid_o(answer_valid[b]),
        .out_ready_i(answer_take[b]),
        .out_data_o (answer[b*(4+MaskW) +: 4+MaskW]),
        .count_o    (unused_count)
    );
    assign answer_take[b] = answer_pick[b] && !got_full_i;
  end

  logic [BankW-1:0] unused_pick_idx;
  rr_arbiter #(
      .N(NumBanks)
  ) u_pick (
      .clk_i,
      .rst_i,
      .req_i    (answer_valid),
      .advance_i(!got_full_i),
      .gnt_o    (answer_pick),
      .gnt_idx_o(unused_pick_idx),
      .valid_o  (answer_any)
  );

  always_comb begin
    picked = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      picked = picked | (answer[b*(4+MaskW) +: 4+MaskW] & {(4+MaskW){answer_pick[b]}});
    end
  end

  logic [15:0] unused_highest;
  quarter_bits u_bits (
      .count_bits_i(16'(c_mask_q[QuarterW-1:0])),
      .count_o     (c_count),
      .bits_i      (16'(e_bits_q)),
      .lowest_o    (lowest),
      .highest_o   (unused_highest),
      .lowest_idx_o(lowest_idx)
  );
  logic        unused_wide;  // quarters narrower than 16
  assign unused_wide = &{1'b0, lowest, lowest_idx};

  always_ff @(posedge clk_i) begin
    c_valid_q              <= answer_any && !got_full_i;
    {c_status_q, c_mask_q} <= picked;
    p_ok_q    <= c_valid_q && c_status_q == exalloc_pkg::StatusOk;
    p_bad_q   <= c_valid_q && c_status_q != exalloc_pkg::StatusOk;
    p_mask_q  <= c_mask_q;
    p_count_q <= (c_valid_q && c_status_q == exalloc_pkg::StatusOk) ? c_count : '0;
    if (c_valid_q) begin
      refused_o <= (c_status_q == exalloc_pkg::StatusEmpty) ? exalloc_pkg::StatusOk : c_status_q;
    end
    if (p_ok_q) begin
      casez (p_count_q)
        5'b1????: yield_q <= 3'd4;
        5'b01???: yield_q <= 3'd3;
        5'b001??: yield_q <= 3'd2;
        5'b0001?: yield_q <= 3'd1;
        default:  yield_q <= 3'd0;
      endcase
    end
    if (rst_i || state_q == StOff) begin
      refused_o <= exalloc_pkg::StatusOk;
      yield_q   <= 3'(IdxW);
    end
    if (rst_i) begin
      c_valid_q <= 1'b0;
      p_ok_q    <= 1'b0;
      p_bad_q   <= 1'b0;
      p_count_q <= '0;
    end
  end

  assign got_o = p_count_q;

  // ---- Masks, and their tokens ----

  logic            unused_mask_ready;  // an ask has its place
  logic [PlaceW:0] unused_mask_count;
  sync_fifo #(
      .Width(MaskW + 5),
      .Depth(Places)
  ) u_masks (
      .clk_i,
      .rst_i,
      .in_valid_i (p_ok_q),
      .in_ready_o (unused_mask_ready),
      .in_data_i  ({p_count_q, p_mask_q}),
      .out_valid_o(mask_valid),
      .out_ready_i(e_take),
      .out_data_o (mask),
      .count_o    (unused_mask_count)
  );

  assign give      = e_valid_q && state_q == StRun && (!out_valid_q || m_axis_tready_i);
  assign give_back = back_valid_o && back_ready_i;
  assign e_take    = !e_valid_q || give_back || (give && e_count_q == 5'd1);

  // When all else has gone back, so does the token that was offered and not taken.
  logic [15:0] out_bit;
  assign out_bit  = 16'd1 << out_q[IdxW-1:0];
  assign withdraw = withdraw_i && state_q == StGive && out_valid_q && !m_axis_tready_i &&
                    !e_valid_q && !mask_valid;

  always_ff @(posedge clk_i) begin
    if (e_take) begin
      e_valid_q <= mask_valid;
      {e_count_q, e_slab_q, e_bank_q, e_quarter_q, e_bits_q} <= mask;
    end else if (give) begin
      e_bits_q  <= e_bits_q & ~lowest[QuarterW-1:0];
      e_count_q <= e_count_q - 5'd1;
    end
    if (withdraw) begin
      e_valid_q   <= 1'b1;
      e_count_q   <= 5'd1;
      e_bits_q    <= out_bit[QuarterW-1:0];
      e_quarter_q <= out_q[IdxW +: 2];
      {e_slab_q, e_bank_q} <= out_q[exalloc_pkg::TokenSlabLsb +: SlabW + BankW];
    end
    if (give) begin
      out_valid_q <= 1'b1;
      out_q       <= 32'({e_slab_q, e_bank_q, 6'({e_quarter_q, lowest_idx[IdxW-1:0]})});
    end else if (m_axis_tready_i || withdraw) begin
      out_valid_q <= 1'b0;
    end
    if (rst_i) begin
      e_valid_q   <= 1'b0;
      out_valid_q <= 1'b0;
    end
  end

  assign m_axis_tvalid_o = out_valid_q;
  assign m_axis_tdata_o  = out_q;
  assign popped_o        = out_valid_q && m_axis_tready_i;

  assign back_valid_o = e_valid_q && state_q == StGive;
  assign back_bank_o  = e_bank_q;
  assign back_slab_o  = e_slab_q;
  assign back_count_o = e_count_q;
  for (genvar q = 0; q < 4; q = q + 1) begin : g_mask
    assign back_mask_o[q*QuarterW +: QuarterW] = (e_quarter_q == 2'(q)) ? e_bits_q : '0;
  end

  // ---- State ----

  logic active;
  assign active  = state_q == StDrain || state_q == StGive || !unknown_zero || ask_valid_o;
  assign off_o   = state_q == StOff && !(withdraw_i && out_valid_q);
  assign empty_o = (&dry_q) && refused_o == exalloc_pkg::StatusOk;
  assign held_o  = held_q;

  always_ff @(posedge clk_i) begin
    case (state_q)
      StOff: begin
        if (withdraw_i && out_valid_q) begin
          state_q <= StGive;
        end else if (enable_i) begin
          state_q <= StRun;
        end
      end
      StRun: begin
        if (!enable_i) begin
          state_q <= StDrain;
        end
      end
      StDrain: begin
        if (unknown_zero && !ask_valid_o) begin
          state_q <= StGive;
        end
      end
      default: begin
        if (!e_valid_q && !mask_valid && !(withdraw_i && out_valid_q)) begin
          state_q <= StOff;
        end
      end
    endcase
    active_o <= active;
    busy_o   <= active || (state_q == StOff && enable_i) || (state_q == StRun && want_q && room_q);
    if (rst_i) begin
      state_q  <= StOff;
      active_o <= 1'b0;
      busy_o   <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (!rst_i) begin
      assert (places_q < 6'(Places));
    end
  end
`endif

endmodule

`default_nettype wire
