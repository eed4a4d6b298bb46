// Executes the GRANT of one line: rounds of grants over the banks, tokens out up to four a cycle.
//
// Contract (docs/protocol.md, GRANT): start_i with list, domain and bank pointer, which stay as
// they are until done_o, and count in the cycle before start_i. Operations go out by req_*, their
// answers are read back from the slots. Tokens come out in order by token_valid_o/token_ready_i:
// one; two with token_two_o, which are token_o and the next number; four with token_four_o, token_o
// and the next three. The two bits of token_room_i allow two and four. done_o is high for one
// cycle, with status_o (ok, empty, or the cause of a refusal) and bank_o, when every answer has
// come.
// How: answers are taken in the order asked, each as soon as it has come, also while the round is
// still being asked for; what is given back waits for the end of that. One passes three stages, one
// a cycle: read from its slot, count its blocks, give its blocks out, both of a pair (2k, 2k + 1)
// at once, or all of a group of four (4k and up). From a refusal on, of whichever answer, all later
// ones are given back whole. In the last answer wanted, those beyond count are stripped from the
// top first: their release is under way while the others are given out.
`default_nettype none

module line_grant #(
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned SlabW     = 14,  // bits of a slab's number in its bank
    parameter int unsigned SlabWidth = 64,
    parameter int unsigned SlotW     = 4,
    localparam int unsigned Most     = 15,  // operations of a round; the slot after is to give back
    localparam int unsigned BankW    = $clog2(NumBanks),
    localparam int unsigned QuarterW = SlabWidth / 4
) (
    input  wire                  clk_i,
    input  wire                  rst_i,
    input  wire                  start_i,
    input  wire  [6:0]           count_i,
    input  wire  [BankW-1:0]     bank_i,
    output logic                 done_o,
    output logic [3:0]           status_o,
    output logic [BankW-1:0]     bank_o,
    // operations
    output logic                 req_valid_o,
    input  wire                  req_ready_i,
    output logic                 req_release_o,  // 0: grant
    output logic [BankW-1:0]     req_bank_o,
    output logic [SlabW-1:0]     req_slab_o,
    output logic [SlabWidth-1:0] req_mask_o,
    output logic [SlotW-1:0]     req_slot_o,
    // answers
    input  wire                  pending_i,
    input  wire  [Most-1:0]      came_i,       // answers since clear_o, by slot
    input  wire                  refused_i,
    output logic                 clear_o,
    output logic [SlotW-1:0]     read_slot_o,
    output logic [BankW-1:0]     read_bank_o,
    input  wire  [3:0]           read_status_i,
    input  wire  [SlabW-1:0]     read_slab_i,
    input  wire  [1:0]           read_quarter_i,
    input  wire  [QuarterW-1:0]  read_bits_i,
    // tokens
    output logic                 token_valid_o,
    input  wire                  token_ready_i,
    output logic [31:0]          token_o,
    output logic                 token_two_o,
    output logic                 token_four_o,
    input  wire  [1:0]           token_room_i,   // for four, for two
    output logic [4:0]           surplus_o  // blocks given back, as they are
);

  localparam int unsigned IdxW = $clog2(QuarterW);

  typedef enum logic [2:0] {
    StIdle, StSum, StAsk, StWalk, StEnd
  } state_e;

  state_e                state_q;
  logic [6:0]            left_q;        // blocks still wanted
  logic                  left_zero_q;
  logic                  left_one_q;
  logic [2:0]            yield_q;       // log2 of what the last answer brought
  logic [7:0]            sum_q;
  logic [3:0]            round_q;       // operations of this round
  logic [3:0]            asked_q;
  logic [3:0]            read_q;        // answers of this round that entered the pipeline
  logic [NumBanks-1:0]   dry_q;         // banks found dry
  logic [NumBanks-1:0]   skip_q;        // those found dry before this round
  logic [BankW-1:0]      bank_q;
  logic [Most*BankW-1:0] asked_bank_q;  // bank of each operation of the round
  logic [BankW-1:0]      target;
  logic [3:0]            round;
  logic                  has_come;      // the answer to be read next
  logic                  stop_q;        // an operation was refused
  logic [3:0]            cause_q;

  // Stage L: an answer as read. Stage E: an answer whose blocks are being given out.
  logic                  l_valid_q;
  logic [3:0]            l_status_q;
  logic [BankW-1:0]      l_bank_q;
  logic [SlabW-1:0]      l_slab_q;
  logic [1:0]            l_quarter_q;
  logic [QuarterW-1:0]   l_bits_q;
  logic                  p_valid_q;
  logic [3:0]            p_status_q;
  logic [BankW-1:0]      p_bank_q;
  logic [SlabW-1:0]      p_slab_q;
  logic [1:0]            p_quarter_q;
  logic [QuarterW-1:0]   p_bits_q;
  logic [4:0]            p_count_q;
  logic                  e_valid_q;
  logic [BankW-1:0]      e_bank_q;
  logic [SlabW-1:0]      e_slab_q;
  logic [1:0]            e_quarter_q;
  logic [QuarterW-1:0]   e_bits_q;
  logic [4:0]            e_count_q;
  logic [QuarterW-1:0]   e_extra_q;     // blocks to give back
  logic [4:0]            e_extra_count_q;
  logic                  e_has_extra_q;
  logic                  e_over_q;      // more blocks than are wanted

  logic                  l_take;
  logic                  p_take;
  logic                  e_take;
  logic                  e_done;
  logic                  strip;
  logic                  give;
  logic                  give_back;
  logic [4:0]            l_count;
  logic [15:0]           lowest;
  logic [15:0]           highest;
  logic [3:0]            lowest_idx;
  logic                  giving;        // a block goes out in this cycle
  logic                  two;           // and its neighbour with it, if not
  logic                  four;          // all of its group of four
  logic                  whole_pair;    // both blocks of the lowest pair are there
  logic                  whole_group;   // all blocks of the lowest group of four are there
  logic [15:0]           given;
  logic                  asking;
  logic                  walking;       // answers are read
  logic                  resting;       // a line may begin in the next cycle
  logic                  walked_q;

  // First bank from the pointer on that is not dry.
  always_comb begin
    target = bank_q;
    for (int unsigned i = NumBanks; i > 0; i = i - 1) begin
      if (!skip_q[bank_q + BankW'(i - 1)]) begin
        target = bank_q + BankW'(i - 1);
      end
    end
  end

  quarter_bits u_bits (
      .count_bits_i(16'(l_bits_q)),
      .count_o     (l_count),
      .bits_i      (16'(e_bits_q)),
      .lowest_o    (lowest),
      .highest_o   (highest),
      .lowest_idx_o(lowest_idx)
  );

  // Whether the lowest of three pairs that is not empty is whole.
  function automatic whole(input [5:0] v);
    whole = (&v[1:0]) || (v[1:0] == '0 && ((&v[3:2]) || (v[3:2] == '0 && (&v[5:4]))));
  endfunction

  // The same of all pairs; and the blocks that go out.
  logic [15:0] bits;
  assign bits       = 16'(e_bits_q);
  assign whole_pair = whole(bits[5:0]) || (bits[5:0] == '0 &&
                      (whole(bits[11:6]) || (bits[11:6] == '0 && whole({2'b00, bits[15:12]}))));
  assign whole_group = (&bits[3:0]) || (bits[3:0] == '0 && (&bits[7:4])) ||
                       (bits[7:0] == '0 && ((&bits[11:8]) ||
                                            (bits[11:8] == '0 && (&bits[15:12]))));
`ifdef EXALLOC_FAST_SIM
  assign given = lowest | ((lowest & 16'h1111) << 1 & {16{two || four}}) |
                 ((lowest & 16'h1111) << 2 & {16{four}}) | ((lowest & 16'h1111) << 3 & {16{four}}) |
                 ((lowest & 16'h4444) << 1 & {16{two}});
`else
  always_comb begin
    for (int unsigned k = 0; k < 4; k = k + 1) begin
      given[4*k]   = lowest[4*k];
      given[4*k+1] = lowest[4*k+1] || (lowest[4*k] && (two || four));
      given[4*k+2] = lowest[4*k+2] || (lowest[4*k] && four);
      given[4*k+3] = lowest[4*k+3] || (lowest[4*k+2] && two) || (lowest[4*k] && four);
    end
  end
`endif

  // What stage E does in this cycle.
  assign give_back = e_valid_q && !asking && (left_zero_q || (!e_over_q && e_has_extra_q));
  assign strip     = e_valid_q && !left_zero_q && e_over_q;
  assign give      = e_valid_q && !left_zero_q && !e_over_q && !e_has_extra_q;
  assign giving    = give && token_ready_i;
  assign four      = whole_group && left_q[6:2] != '0 && token_room_i[1];
  assign two       = whole_pair && !left_one_q && token_room_i[0];
  assign e_done    = (giving && (four ? e_count_q == 5'd4 : e_count_q == (two ? 5'd2 : 5'd1))) ||
                     (give_back && req_ready_i && left_zero_q);
  assign e_take    = !e_valid_q || e_done;
  assign p_take    = !p_valid_q || e_take;
  assign l_take    = !l_valid_q || p_take;

  assign asking        = state_q == StAsk;
  assign walking       = state_q == StAsk || state_q == StWalk;
  assign resting       = state_q == StIdle || state_q == StEnd;
  assign req_valid_o   = asking || give_back;
  assign req_release_o = !asking;
  assign req_bank_o    = asking ? target : e_bank_q;
  assign req_slab_o    = e_slab_q;
  assign req_slot_o    = asking ? SlotW'(asked_q) : SlotW'(Most);
  for (genvar q = 0; q < 4; q = q + 1) begin : g_mask
    assign req_mask_o[q*QuarterW +: QuarterW] =
        (e_quarter_q == 2'(q)) ? (left_zero_q ? e_bits_q : e_extra_q) : '0;
  end
  assign surplus_o = (give_back && req_ready_i) ?
                     (left_zero_q ? e_count_q : e_extra_count_q) : '0;

  assign token_valid_o = give;
  assign token_two_o   = two && !four;
  assign token_four_o  = four;
  assign token_o       = 32'({e_slab_q, e_bank_q, 6'({e_quarter_q, lowest_idx[IdxW-1:0]})});

  assign read_slot_o = SlotW'(read_q);
  always_comb begin
    read_bank_o = '0;
    for (int unsigned i = 0; i < Most; i = i + 1) begin
      if (read_q == 4'(i)) begin
        read_bank_o = asked_bank_q[i*BankW +: BankW];
      end
    end
  end
  assign has_come    = |(came_i & (Most'(1) << read_q)) && read_q != round_q;
  assign clear_o     = state_q == StIdle || state_q == StSum;

  logic unused_wide;  // quarters narrower than 16
  assign unused_wide = &{1'b0, given, highest, lowest_idx};

  assign bank_o   = bank_q;
  assign done_o   = state_q == StEnd && !pending_i;
  assign status_o = stop_q ? cause_q :
                    left_zero_q ? exalloc_pkg::StatusOk : exalloc_pkg::StatusEmpty;

  always_ff @(posedge clk_i) begin
    unique case (state_q)
      StIdle: begin
        if (start_i) begin
          state_q <= StAsk;
        end
      end
      StSum: state_q <= StAsk;
      StAsk: begin
        if (req_ready_i && asked_q + 4'd1 == round_q) begin
          state_q <= StWalk;
        end
      end
      StWalk: begin
        if (walked_q) begin
          state_q <= (left_zero_q || stop_q || (&dry_q)) ? StEnd : StSum;
        end
      end
      StEnd: begin
        if (!pending_i) begin
          state_q <= StIdle;
        end
      end
      default: state_q <= StIdle;
    endcase
    if (rst_i) begin
      state_q <= StIdle;
    end
  end

  // The round: how many operations, and to which banks.
  assign round = ((sum_q >> yield_q) > 8'(Most)) ? 4'(Most) : 4'(sum_q >> yield_q);
  always_ff @(posedge clk_i) begin
    sum_q <= resting ? {1'b0, count_i} + 8'(QuarterW - 1)
                               : {1'b0, left_q} + 8'(~(8'hff << yield_q));
    if (state_q == StIdle || state_q == StSum) begin
      round_q <= round;
      asked_q <= '0;
    end else if (asking && req_ready_i) begin
      asked_q <= asked_q + 4'd1;
      for (int unsigned i = 0; i < Most; i = i + 1) begin
        if (asked_q == 4'(i)) begin
          asked_bank_q[i*BankW +: BankW] <= target;
        end
      end
    end
    if (state_q == StIdle || state_q == StSum) begin
      skip_q <= state_q == StIdle ? '0 : dry_q;
    end
    if (state_q == StIdle) begin
      bank_q <= bank_i;
    end else if (asking && req_ready_i) begin
      bank_q <= target + BankW'(1);
    end
  end

  // Stages L and P.
  always_ff @(posedge clk_i) begin
    if (l_take) begin
      l_valid_q   <= walking && has_come;
      l_status_q  <= read_status_i;
      l_bank_q    <= read_bank_o;
      l_slab_q    <= read_slab_i;
      l_quarter_q <= read_quarter_i;
      l_bits_q    <= read_bits_i;
    end
    if (!walking) begin
      read_q <= '0;
    end else if (l_take && has_come) begin
      read_q <= read_q + 4'd1;
    end
    if (p_take) begin
      p_valid_q   <= l_valid_q;
      p_status_q  <= l_status_q;
      p_bank_q    <= l_bank_q;
      p_slab_q    <= l_slab_q;
      p_quarter_q <= l_quarter_q;
      p_bits_q    <= l_bits_q;
      p_count_q   <= l_count;
    end
    walked_q <= state_q == StWalk && read_q == round_q && !l_valid_q && !p_valid_q && e_take;
    if (rst_i || walked_q) begin
      l_valid_q <= 1'b0;
      p_valid_q <= 1'b0;
      walked_q  <= 1'b0;
    end
  end

  // Stage E, and what the answers mean for the line.
  always_ff @(posedge clk_i) begin
    if (e_take) begin
      e_valid_q       <= p_valid_q && p_status_q == exalloc_pkg::StatusOk;
      e_bank_q        <= p_bank_q;
      e_slab_q        <= p_slab_q;
      e_quarter_q     <= p_quarter_q;
      e_bits_q        <= p_bits_q;
      e_count_q       <= p_count_q;
      e_extra_q       <= '0;
      e_extra_count_q <= '0;
      e_has_extra_q   <= 1'b0;
      // Blocks given out in this very cycle are not counted: then as many more are given back at
      // the end.
      e_over_q        <= 7'(p_count_q) > left_q;
      if (p_valid_q && p_status_q == exalloc_pkg::StatusOk) begin
        casez (p_count_q)
          5'b1????: yield_q <= 3'd4;
          5'b01???: yield_q <= 3'd3;
          5'b001??: yield_q <= 3'd2;
          5'b0001?: yield_q <= 3'd1;
          default:  yield_q <= 3'd0;
        endcase
      end
      if (p_valid_q && p_status_q == exalloc_pkg::StatusEmpty) begin
        dry_q <= dry_q | (NumBanks'(1) << p_bank_q);
      end else if (p_valid_q && p_status_q != exalloc_pkg::StatusOk && cause_q == '0) begin
        cause_q <= p_status_q;
      end
    end else if (strip) begin
      e_bits_q        <= e_bits_q & ~highest[QuarterW-1:0];
      e_count_q       <= e_count_q - 5'd1;
      e_extra_q       <= e_extra_q | highest[QuarterW-1:0];
      e_extra_count_q <= e_extra_count_q + 5'd1;
      e_has_extra_q   <= 1'b1;
      e_over_q        <= e_count_q - 5'd1 != left_q[4:0];
    end else if (give_back && req_ready_i) begin
      e_extra_q       <= '0;
      e_extra_count_q <= '0;
      e_has_extra_q   <= 1'b0;
    end else if (giving) begin
      e_bits_q  <= e_bits_q & ~given[QuarterW-1:0];
      e_count_q <= four ? e_count_q - 5'd4 : two ? e_count_q - 5'd2 : e_count_q - 5'd1;
    end

    if (giving) begin
      left_q      <= four ? left_q - 7'd4 : two ? left_q - 7'd2 : left_q - 7'd1;
      left_zero_q <= four ? left_q == 7'd4 : two ? left_q == 7'd2 : left_one_q;
      left_one_q  <= four ? left_q == 7'd5 : two ? left_q == 7'd3 : left_q == 7'd2;
    end
    // After a refusal nothing more is wanted: the blocks of every answer from the next one on are
    // surplus.
    if (walking && refused_i && e_take) begin
      stop_q      <= 1'b1;
      left_zero_q <= 1'b1;
    end
    if (resting) begin
      if (!start_i) begin
        left_q     <= count_i;
        left_one_q <= count_i == 7'd1;
      end
      yield_q <= 3'($clog2(QuarterW));
    end
    if (state_q == StIdle) begin
      left_zero_q <= 1'b0;
      dry_q       <= '0;
      stop_q      <= 1'b0;
      cause_q     <= '0;
    end
    if (rst_i) begin
      e_valid_q <= 1'b0;
    end
  end

endmodule

`default_nettype wire
