// Executes the RELEASE of one line: gathers neighbouring tokens of a slab, repeats refused
// gatherings block by block, and names the refused tokens.
//
// Contract (docs/protocol.md, RELEASE): start_i with count (1 to 14), and a line of tokens that
// stays as it is until done_o; its count and first two tokens are in load_* the cycle before, which
// is the one with the done_o of the line before at the earliest. Operations go out by req_*, their
// statuses are read back from the slots. Refused tokens come out in order by
// refuse_valid_o/refuse_ready_i with their cause. done_o is high for one cycle when every answer
// has come and every refused token was taken.
// How: up to three passes over the tokens, through a pipeline of two stages (read, compare; act):
// gather and send; repeat (only if an operation was refused); name (only if a token was). The first
// reads two tokens at a time: if the second goes with the first, both act in one cycle, else one
// after the other; the others read one. An operation's slot is the position of its first token, so
// that position's answer is the cause of a token that went alone.
`default_nettype none

module line_release #(
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned NumSlabs  = 65536,  // of all banks together
    parameter int unsigned SlabWidth = 64,
    parameter int unsigned SlotW     = 4,
    localparam int unsigned Tokens   = exalloc_pkg::TokensPerLine,
    localparam int unsigned BankW    = $clog2(NumBanks),
    localparam int unsigned SlabW    = $clog2(NumSlabs / NumBanks)
) (
    input  wire                  clk_i,
    input  wire                  rst_i,
    input  wire  [3:0]           load_count_i,
    input  wire  [63:0]          load_tokens_i,   // the first two
    input  wire                  start_i,
    input  wire  [3:0]           count_i,
    input  wire  [Tokens*32-1:0] tokens_i,
    output logic                 done_o,
    // operations: releases
    output logic                 req_valid_o,
    input  wire                  req_ready_i,
    output logic [BankW-1:0]     req_bank_o,
    output logic [SlabW-1:0]     req_slab_o,
    output logic [SlabWidth-1:0] req_mask_o,
    output logic [SlotW-1:0]     req_slot_o,
    // answers
    input  wire                  pending_i,
    input  wire                  failed_i,
    output logic                 clear_o,
    output logic [SlotW-1:0]     read_slot_o,
    output logic [BankW-1:0]     read_bank_o,
    input  wire  [3:0]           read_status_i,
    // refused tokens
    output logic                 refuse_valid_o,
    input  wire                  refuse_ready_i,
    output logic [31:0]          refuse_token_o,
    output logic [3:0]           refuse_status_o
);

  localparam int unsigned BlockW  = $clog2(SlabWidth);
  localparam int unsigned GlobalW = BankW + SlabW;  // bits of a slab number the card has

  typedef enum logic [2:0] {
    StIdle, StGather, StFlush, StSettle, StRepeat, StName, StDone
  } state_e;

  state_e               state_q;
  logic                 repeated_q;    // the repeating pass is behind
  logic [3:0]           next_q;        // token the pipeline reads next
  logic [3:0]           left_q;        // how many there are from that one on
  logic                 more_q;        // there are some
  logic [Tokens-1:0]    first_q;       // token is the first of its operation
  logic [Tokens-1:0]    alone_q;       // its slot holds the token's own status
  logic                 last_bad_q;    // repeat: the gathering around this token was refused
  logic                 any_range_q;

  // Stage A: a token as read, or two. Stage B: compared.
  logic                 a_valid_q;
  logic [3:0]           a_idx_q;
  exalloc_pkg::token_t  a_token_q;
  logic                 a_two_q;       // there is a second one
  exalloc_pkg::token_t  a_second_q;
  logic                 b_valid_q;
  logic [3:0]           b_idx_q;
  exalloc_pkg::token_t  b_token_q;
  logic                 b_range_q;
  logic                 b_same_q;      // same slab as the token before it
  logic                 b_double_q;    // its block is in the operation being gathered
  logic [3:0]           b_status_q;    // what its slot holds
  logic                 b_failed_q;    // and that is not OK
  logic                 b_first_q;     // first_q, alone_q of it, as the passes before left them
  logic                 b_alone_q;
  logic                 b_two_q;       // there is a second one
  logic                 b_joins_q;     // it goes with the first
  exalloc_pkg::token_t  b_second_q;
  logic                 b_second_range_q;
  logic                 b_second_same_q;

  // The operation being gathered.
  logic                 run_valid_q;
  logic [GlobalW-1:0]   run_slab_q;
  logic [SlabWidth-1:0] run_mask_q;
  logic [3:0]           run_first_q;

  logic [31:0]          next_token;
  logic [31:0]          next_second;
  logic [Tokens-1:0]    b_at;          // position of the token in stage B
  logic [Tokens-1:0]    run_at;        // position of the first token gathered
  logic                 starting;
  logic                 walking;
  logic                 gathering;
  logic                 again;         // another pass over the same line comes, if any
  logic                 a_range;
  logic                 a_first;
  logic                 a_alone;
  logic                 a_second_range;
  logic                 b_done;        // what is in stage B, or the first of two, has acted
  logic                 b_split;       // the second one comes after it
  logic                 b_step;
  logic                 a_step;
  logic                 b_extends;
  logic                 b_bad;         // repeat: this token's operation was refused
  logic                 b_repeats;
  logic                 b_refused;
  logic [SlabWidth-1:0] b_bit;
  logic [5:0]           x_block;       // looked for in the operation as stage B leaves it
  logic                 x_double;
  logic                 y_double;      // the same of the second one
  logic [SlabWidth-1:0] b_bits;        // those of stage B
  logic                 flush;         // the gathered operation must go out
  logic                 last;          // nothing comes after what is in stage B
  logic                 direct;        // it goes out at once, with what was gathered before
  logic                 pass_end;

`ifdef EXALLOC_FAST_SIM
  assign next_token  = tokens_i[9'(next_q)*32 +: 32];
  assign next_second = tokens_i[9'({next_q[3:1], 1'b1})*32 +: 32];
  assign b_at        = Tokens'(16'd1 << b_idx_q);
  assign run_at      = Tokens'(16'd1 << run_first_q);
  assign a_first     = (Tokens'(16'd1 << a_idx_q) & first_q) != '0;
  assign a_alone     = (Tokens'(16'd1 << a_idx_q) & alone_q) != '0;
`else
  // Written out, because a computed part-select becomes a shifter with adders.
  always_comb begin
    next_token  = '0;
    next_second = '0;
    a_first     = 1'b0;
    a_alone     = 1'b0;
    for (int unsigned i = 0; i < Tokens; i = i + 1) begin
      b_at[i]   = b_idx_q == 4'(i);
      run_at[i] = run_first_q == 4'(i);
      next_token = next_token | (tokens_i[i*32 +: 32] & {32{next_q == 4'(i)}});
      if (i % 2 == 1) begin
        next_second = next_second | (tokens_i[i*32 +: 32] & {32{next_q[3:1] == 3'(i / 2)}});
      end
      a_first = a_first || (a_idx_q == 4'(i) && first_q[i]);
      a_alone = a_alone || (a_idx_q == 4'(i) && alone_q[i]);
    end
  end
`endif

  assign starting  = state_q == StIdle && start_i;
  assign gathering = state_q == StGather || starting;
  assign again     = state_q == StSettle && (failed_i || any_range_q);
  assign walking   = gathering || state_q == StRepeat || state_q == StName;

  // A token may name a slab or a block the card does not have.
  if (GlobalW < 26 || SlabWidth < 64) begin : g_range
    localparam logic [26:0] Slabs = 27'(NumSlabs);
    localparam logic [6:0] Blocks = 7'(SlabWidth);
    assign a_range = a_token_q.slab == '0 || {1'b0, a_token_q.slab} >= Slabs ||
                     {1'b0, a_token_q.block} >= Blocks;
    assign a_second_range = a_second_q.slab == '0 || {1'b0, a_second_q.slab} >= Slabs ||
                            {1'b0, a_second_q.block} >= Blocks;
  end else begin : g_no_range
    assign a_range = a_token_q.slab == '0;
    assign a_second_range = a_second_q.slab == '0;
  end

  assign b_bit     = SlabWidth'(1) << b_token_q.block[BlockW-1:0];
  assign b_split   = b_valid_q && b_two_q && !b_joins_q;
  assign b_extends = run_valid_q && !b_range_q && b_same_q && !b_double_q;
  assign b_bad     = b_first_q ? (!b_alone_q && b_failed_q) : last_bad_q;
  assign b_repeats = state_q == StRepeat && b_valid_q && b_bad && !b_range_q;
  assign b_refused = state_q == StName && b_valid_q &&
                     (b_range_q || (b_alone_q && b_failed_q));

  // In the gathering pass the operation in hand goes out when the next token is not part of it, or
  // with the last token if that is.
  assign flush = run_valid_q && ((state_q == StGather && b_valid_q && !b_extends) ||
                                 state_q == StFlush);

  assign last   = state_q == StGather && !more_q && !a_valid_q && !b_split;
  assign direct = last && b_valid_q && !b_range_q && (b_extends || !run_valid_q);

  assign b_bits = b_joins_q ? b_bit | (SlabWidth'(1) << b_second_q.block[BlockW-1:0]) : b_bit;

  assign req_valid_o = flush || direct || b_repeats;
  assign {req_slab_o, req_bank_o} = flush ? run_slab_q : b_token_q.slab[GlobalW-1:0];
  assign req_mask_o  = (run_mask_q & {SlabWidth{flush || b_extends}}) |
                       (b_bits & {SlabWidth{!flush}});
  assign req_slot_o  = (flush || b_extends) ? SlotW'(run_first_q) : SlotW'(b_idx_q);

  assign refuse_valid_o  = b_refused;
  assign refuse_token_o  = b_token_q;
  assign refuse_status_o = b_range_q ? exalloc_pkg::StatusRange : b_status_q;

  assign b_done = !b_valid_q || ((!req_valid_o || req_ready_i) && (!b_refused || refuse_ready_i));
  assign b_step = b_done && !b_split;
  assign a_step = !a_valid_q || b_step;

  assign x_block  = b_split ? b_second_q.block : a_token_q.block;
  assign x_double = x_block == b_token_q.block || (b_joins_q && x_block == b_second_q.block) ||
                    (b_extends && run_mask_q[x_block[BlockW-1:0]]);
  assign y_double = (b_valid_q && (a_second_q.block == b_token_q.block ||
                                   (b_joins_q && a_second_q.block == b_second_q.block))) ||
                    (b_extends && run_mask_q[a_second_q.block[BlockW-1:0]]);

  assign read_slot_o = SlotW'(a_idx_q);
  assign read_bank_o = a_token_q.slab[BankW-1:0];
  assign clear_o     = state_q == StIdle;
  assign done_o      = state_q == StDone ||
                       (state_q == StSettle && !pending_i && !failed_i && !any_range_q);

  // Nothing left to read, and what was read has been acted upon.
  assign pass_end = !more_q && !a_valid_q && b_step;

  always_ff @(posedge clk_i) begin
    unique case (state_q)
      StIdle: begin
        if (start_i) begin
          state_q <= StGather;
        end
      end
      StGather: begin
        if (pass_end) begin
          state_q <= direct ? StSettle : StFlush;
        end
      end
      StFlush: begin
        if (!run_valid_q || req_ready_i) begin
          state_q <= StSettle;
        end
      end
      StSettle: begin
        if (!pending_i) begin
          if (failed_i && !repeated_q) begin
            state_q <= StRepeat;
          end else if (failed_i || any_range_q) begin
            state_q <= StName;
          end else begin
            state_q <= StIdle;
          end
        end
      end
      StRepeat: begin
        if (pass_end) begin
          state_q <= StSettle;
        end
      end
      StName: begin
        if (pass_end) begin
          state_q <= StDone;
        end
      end
      default: state_q <= StIdle;
    endcase
    if (state_q == StIdle) begin
      repeated_q <= 1'b0;
    end else if (state_q == StRepeat) begin
      repeated_q <= 1'b1;
    end
    if (rst_i) begin
      state_q <= StIdle;
    end
  end

  // One or two less, but not less than 0; without -, which would become a carry chain.
  function automatic [3:0] less(input [3:0] v, input two);
    less = (two && v == 4'd1) ? 4'd0
                              : v ^ {(two || !v[0]) && v[2:1] == 2'd0, (two || !v[0]) && !v[1],
                                     two || !v[0], !two};
  endfunction

  // The pipeline.
  always_ff @(posedge clk_i) begin
    if (!walking) begin
      // From the start, where the first two tokens are loaded; or over the same line again.
      next_q <= again ? 4'd0 : 4'd2;
      left_q <= again ? count_i : less(load_count_i, 1'b1);
      more_q <= again || less(load_count_i, 1'b1) != 4'd0;
    end else if (a_step && more_q) begin
      next_q <= next_q + (gathering ? 4'd2 : 4'd1);
      left_q <= less(left_q, gathering);
      more_q <= less(left_q, gathering) != 4'd0;
    end
    if (!walking) begin
      a_idx_q    <= '0;
      a_token_q  <= load_tokens_i[31:0];
      a_two_q    <= load_count_i > 4'd1;
      a_second_q <= load_tokens_i[63:32];
    end else if (a_step) begin
      a_idx_q    <= next_q;
      a_token_q  <= next_token;
      a_two_q    <= gathering && left_q[3:1] != '0;
      a_second_q <= next_second;
    end
    if (a_step) begin
      a_valid_q <= walking && more_q;
    end
    if (b_step) begin
      b_valid_q        <= a_valid_q || starting;  // it was loaded the cycle before
      b_idx_q          <= a_idx_q;
      b_token_q        <= a_token_q;
      b_range_q        <= a_range;
      b_same_q         <= a_token_q.slab == b_token_q.slab;
      b_status_q       <= read_status_i;
      b_failed_q       <= read_status_i != exalloc_pkg::StatusOk;
      b_first_q        <= a_first;
      b_alone_q        <= a_alone;
      b_two_q          <= a_two_q;
      b_joins_q        <= a_two_q && a_second_q.slab == a_token_q.slab && !a_range &&
                          !a_second_range && a_second_q.block != a_token_q.block && !y_double;
      b_second_q       <= a_second_q;
      b_second_range_q <= a_second_range;
      b_second_same_q  <= a_second_q.slab == a_token_q.slab;
    end else if (b_done) begin
      b_idx_q   <= b_idx_q | 4'd1;
      b_token_q <= b_second_q;
      b_range_q <= b_second_range_q;
      b_same_q  <= b_second_same_q;
      b_two_q   <= 1'b0;
    end
    if (b_done) begin
      b_double_q <= x_double;
    end
    if (rst_i || !walking) begin
      a_valid_q <= 1'b0;
      b_valid_q <= 1'b0;
    end
  end

`ifdef EXALLOC_FAST_SIM
  logic [Tokens-1:0] b_second_at;  // position of a second token that goes with the first
  assign b_second_at = Tokens'(16'(b_joins_q) << (b_idx_q | 4'd1));
`endif

  // What the passes find out about each token.
  always_ff @(posedge clk_i) begin
    if (b_valid_q && b_done) begin
      if (state_q == StGather) begin
        any_range_q      <= any_range_q || b_range_q;
`ifdef EXALLOC_FAST_SIM
        first_q <= ((first_q & ~b_at) | (b_at & {Tokens{!b_range_q && !b_extends}})) &
                   ~b_second_at;
        alone_q <= ((alone_q & ~(b_at | (run_at & {Tokens{b_extends}}))) |
                    (b_at & {Tokens{!b_range_q && !b_extends && !b_joins_q}})) & ~b_second_at;
`else
        for (int unsigned i = 0; i < Tokens; i = i + 1) begin
          if (b_at[i]) begin
            first_q[i] <= !b_range_q && !b_extends;
            alone_q[i] <= !b_range_q && !b_extends && !b_joins_q;
          end else if (b_extends && run_at[i]) begin
            alone_q[i] <= 1'b0;
          end
          if (i % 2 == 1 && b_joins_q && b_idx_q[3:1] == 3'(i / 2)) begin
            first_q[i] <= 1'b0;
            alone_q[i] <= 1'b0;
          end
        end
`endif
      end else if (state_q == StRepeat) begin
        last_bad_q <= b_bad;
        if (b_repeats) begin
          alone_q <= alone_q | b_at;
        end
      end
    end
    if (state_q == StIdle) begin
      any_range_q <= 1'b0;
    end
  end

  // The operation being gathered.
  always_ff @(posedge clk_i) begin
    if (state_q == StGather && b_valid_q && b_done) begin
      run_valid_q <= !b_range_q && !direct;
      if (b_extends) begin
        run_mask_q <= run_mask_q | b_bits;
      end else begin
        run_mask_q  <= b_bits;
        run_slab_q  <= b_token_q.slab[GlobalW-1:0];
        run_first_q <= b_idx_q;
      end
    end else if (state_q == StFlush && req_ready_i) begin
      run_valid_q <= 1'b0;
    end
    if (rst_i || state_q == StIdle) begin
      run_valid_q <= 1'b0;
    end
  end

endmodule

`default_nettype wire
