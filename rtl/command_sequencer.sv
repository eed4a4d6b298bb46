// Executes the command register: open, close, link, unlink, trim.
//
// Contract (docs/protocol.md, Commands): cmd_valid_i is a pulse, ignored while busy_o; done_o is a
// pulse at the end, with result_status_o and result_slab_o valid from then until the next command.
// What it changed is told by mon_* before that: open and close that every bank accepted, the blocks
// of link, and trim.
// Operations go out through one port of slab_crossbar, one a cycle: consecutive slabs lie in
// consecutive banks, so none has to wait for another, and as the answers of a bank come in order
// none needs a slot: nothing limits how many are under way. cnt_linked_o and cnt_taken_o are
// increments of the cycle.
// The first refusal is that of the lowest position in the walk. Each bank remembers its own first
// (answers come in order there); the lowest of them is looked for at the end, one bank a cycle.
`default_nettype none

module command_sequencer #(
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned NumSlabs  = 65536,  // of all banks together
    parameter int unsigned SlabWidth = 64,
    parameter int unsigned NumLists  = 255,
    parameter int unsigned DomainW   = 6,
    parameter int unsigned SlotW     = 4,
    localparam int unsigned BankW    = $clog2(NumBanks),
    localparam int unsigned SlabW    = $clog2(NumSlabs / NumBanks),
    localparam int unsigned LimitW   = $clog2(SlabWidth),
    localparam int unsigned CountW   = $clog2(NumBanks + 1)
) (
    input  wire                       clk_i,
    input  wire                       rst_i,
    input  wire                       cmd_valid_i,
    input  wire  [3:0]                cmd_command_i,
    input  wire  [9:0]                cmd_list_i,
    input  wire  [DomainW-1:0]        cmd_domain_i,
    input  wire  [31:0]               cmd_slab_i,
    input  wire  [31:0]               cmd_count_i,
    input  wire  [5:0]                cmd_limit_i,
    output logic                      busy_o,
    output logic                      done_o,
    output logic [3:0]                result_status_o,
    output logic [23:0]               result_slab_o,
    // engine, through the crossbar
    output logic                      req_valid_o,
    input  wire                       req_ready_i,
    output logic [BankW-1:0]          req_bank_o,
    output logic [2:0]                req_op_o,
    output logic [7:0]                req_list_o,
    output logic [DomainW-1:0]        req_domain_o,
    output logic [SlabW-1:0]          req_slab_o,
    output logic [LimitW-1:0]         req_limit_o,
    output logic [SlabWidth-1:0]      req_mask_o,
    output logic [SlotW-1:0]          req_slot_o,
    input  wire  [NumBanks-1:0]       rsp_valid_i,
    input  wire  [NumBanks*4-1:0]     rsp_status_i,
    input  wire  [NumBanks*SlabW-1:0] rsp_slab_i,
    // what list_monitor counts
    output logic                      mon_valid_o,
    input  wire                       mon_ready_i,
    output logic [2:0]                mon_kind_o,    // exalloc_pkg::BankOp*
    output logic [7:0]                mon_list_o,
    output logic [31:0]               mon_blocks_o,
    // counters
    output logic [CountW-1:0]         cnt_linked_o,
    output logic [CountW-1:0]         cnt_taken_o
);

  localparam int unsigned GlobalW = BankW + SlabW;
  localparam int unsigned StepW   = GlobalW + 1;  // counts 0..NumSlabs

  typedef enum logic [2:0] {
    StIdle, StCheck, StWalk, StDrain, StSearch, StCount, StTell, StDone
  } state_e;

  state_e               state_q;
  logic [3:0]           command_q;
  logic [9:0]           list_q;
  logic [DomainW-1:0]   domain_q;
  logic [31:0]          count_q;
  logic [5:0]           limit_q;
  logic [GlobalW-1:0]   slab_q;         // position of the walk, bits the card has
  logic                 above_zero_q;   // the bits above those are all 0
  logic                 above_ones_q;   // or all 1: the walk may wrap to slab 0
  logic [StepW-1:0]     left_q;         // steps of the walk still to do
  logic                 last_q;         // left_q is 1
  logic                 spanning;       // link, unlink
  logic                 exists_q;       // the card has slab_q
  logic                 started_q;      // an operation has gone out
  logic [BankW-1:0]     start_bank_q;   // its bank
  logic                 early_range_q;  // a slab was out of range before the first operation
  logic                 late_range_q;   // or after
  logic [StepW-1:0]     pending_q;
  logic                 pending_zero_q;
  logic [CountW-1:0]    answered;
  logic [CountW-1:0]    accepted;
  logic signed [CountW:0] change_q;     // of pending_q, a cycle later, to keep the sums short
  logic [CountW-1:0]    accepted_q;
  logic [23:0]          done_slabs_q;
  logic [BankW-1:0]     end_bank_q;     // bank of the last operation
  logic                 end_part_q;     // it was for a slab with fewer blocks
  logic [NumBanks-1:0]  latest_ok_q;    // bank accepted its latest operation
  logic                 tell_q;
  logic [31:0]          blocks_q;       // linked, or taken back
  logic [NumBanks-1:0]  refused_q;      // bank has refused an operation
  logic [NumBanks*4-1:0]     cause_q;   // its status
  logic [NumBanks*SlabW-1:0] seen_q;    // answers of the bank before that one
  logic [CountW-1:0]    look_q;         // search: distance from start_bank_q
  logic [BankW-1:0]     look_bank;
  logic                 best_q;
  logic [SlabW-1:0]     best_seen_q;
  logic [3:0]           best_cause_q;
  logic                 look_refused;
  logic [SlabW-1:0]     look_seen;
  logic [3:0]           look_cause;
  logic                 look_refused_q;
  logic [SlabW-1:0]     look_seen_q;
  logic [3:0]           look_cause_q;
  logic [3:0]           check;
  logic [SlabW-1:0]     taken_q;        // trim: the slab taken back
  logic                 step;
  logic                 sent;

  assign spanning = command_q == exalloc_pkg::CommandLink ||
                    command_q == exalloc_pkg::CommandUnlink;

  always_comb begin
    check = exalloc_pkg::StatusOk;
    if (command_q < exalloc_pkg::CommandOpen || command_q > exalloc_pkg::CommandTrim) begin
      check = exalloc_pkg::StatusBadCommand;
    end else if (list_q >= 10'(NumLists)) begin
      check = exalloc_pkg::StatusBadList;
    end else if (spanning && count_q > NumSlabs) begin
      check = exalloc_pkg::StatusRange;
    end else if (command_q == exalloc_pkg::CommandLink &&
                 {1'b0, limit_q} >= 7'(SlabWidth)) begin
      check = exalloc_pkg::StatusRange;
    end
  end

  assign req_valid_o  = state_q == StWalk && exists_q;
  assign req_bank_o   = slab_q[BankW-1:0];
  assign req_slab_o   = slab_q[GlobalW-1:BankW];
  assign req_list_o   = list_q[7:0];
  assign req_domain_o = domain_q;
  assign req_limit_o  = last_q ? limit_q[LimitW-1:0] : '1;
  assign req_mask_o   = '0;
  assign req_slot_o   = '0;
  always_comb begin
    case (command_q)
      exalloc_pkg::CommandOpen:  req_op_o = exalloc_pkg::BankOpOpen;
      exalloc_pkg::CommandClose: req_op_o = exalloc_pkg::BankOpClose;
      exalloc_pkg::CommandLink:  req_op_o = exalloc_pkg::BankOpLink;
      exalloc_pkg::CommandTrim:  req_op_o = exalloc_pkg::BankOpTrim;
      default:                   req_op_o = exalloc_pkg::BankOpUnlink;
    endcase
  end

  assign sent = req_valid_o && req_ready_i;
  assign step = state_q == StWalk && (!exists_q || req_ready_i);

  always_comb begin
    answered = '0;
    accepted = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      answered = answered + CountW'(rsp_valid_i[b]);
      accepted = accepted + CountW'(rsp_valid_i[b] &&
                                    rsp_status_i[b*4 +: 4] == exalloc_pkg::StatusOk);
    end
  end

  assign cnt_linked_o = (command_q == exalloc_pkg::CommandLink) ? accepted_q : '0;
  assign cnt_taken_o  = (command_q == exalloc_pkg::CommandUnlink ||
                         command_q == exalloc_pkg::CommandTrim) ? accepted_q : '0;
  assign busy_o       = state_q != StIdle;

  // What the search looks at.
  assign look_bank = start_bank_q + look_q[BankW-1:0];
  always_comb begin
    look_refused = 1'b0;
    look_seen    = '0;
    look_cause   = '0;
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      if (look_bank == BankW'(b)) begin
        look_refused = refused_q[b];
        look_seen    = seen_q[b*SlabW +: SlabW];
        look_cause   = cause_q[b*4 +: 4];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    done_o <= 1'b0;
    unique case (state_q)
      StIdle: begin
        if (cmd_valid_i) begin
          state_q <= StCheck;
        end
      end
      StCheck: begin
        if (check != exalloc_pkg::StatusOk) begin
          state_q         <= StIdle;
          done_o          <= 1'b1;
          result_status_o <= check;
          result_slab_o   <= '0;
        end else begin
          state_q <= (spanning && count_q == '0) ? StDrain : StWalk;
        end
      end
      StWalk: begin
        if (step && last_q) begin
          state_q <= StDrain;
        end
      end
      StDrain: begin
        if (pending_zero_q) begin
          state_q <= StSearch;
        end
      end
      StSearch: begin
        if (look_q == CountW'(NumBanks)) begin
          state_q <= StCount;
        end
      end
      StCount: state_q <= StTell;
      StTell: begin
        if (!tell_q || mon_ready_i) begin
          state_q <= StDone;
        end
      end
      StDone: begin
        state_q <= StIdle;
        done_o  <= 1'b1;
        result_status_o <= early_range_q ? exalloc_pkg::StatusRange :
                           best_q ? best_cause_q :
                           late_range_q ? exalloc_pkg::StatusRange : exalloc_pkg::StatusOk;
        if (spanning) begin
          result_slab_o <= done_slabs_q;
        end else if (command_q == exalloc_pkg::CommandTrim && !best_q) begin
          result_slab_o <= 24'({taken_q, start_bank_q});
        end else begin
          result_slab_o <= '0;
        end
      end
      default: state_q <= StIdle;
    endcase
    if (rst_i) begin
      state_q         <= StIdle;
      result_status_o <= exalloc_pkg::StatusOk;
      result_slab_o   <= '0;
    end
  end

  // The walk. Open and close visit every bank, at the bank's slab 0, which is looked at by nobody;
  // trim visits the one bank.
  always_ff @(posedge clk_i) begin
    if (state_q == StIdle) begin
      command_q <= cmd_command_i;
      list_q    <= cmd_list_i;
      domain_q  <= cmd_domain_i;
      count_q   <= cmd_count_i;
      limit_q   <= cmd_limit_i;
      slab_q    <= cmd_slab_i[GlobalW-1:0];
      above_zero_q <= cmd_slab_i[31:GlobalW] == '0;
      above_ones_q <= &cmd_slab_i[31:GlobalW];
      started_q <= 1'b0;
      early_range_q <= 1'b0;
      late_range_q  <= 1'b0;
    end else if (state_q == StCheck) begin
      if (spanning) begin
        left_q   <= count_q[StepW-1:0];
        last_q   <= count_q == 32'd1;
        exists_q <= slab_q != '0 && above_zero_q;
      end else begin
        slab_q   <= (command_q == exalloc_pkg::CommandTrim) ? GlobalW'(slab_q[BankW-1:0]) : '0;
        left_q   <= (command_q == exalloc_pkg::CommandTrim) ? StepW'(1) : StepW'(NumBanks);
        last_q   <= command_q == exalloc_pkg::CommandTrim;
        exists_q <= 1'b1;
      end
    end else if (step) begin
      slab_q   <= slab_q + GlobalW'(1);
      left_q   <= left_q - StepW'(1);
      last_q   <= left_q == StepW'(2);
      // The next one is either slab 0, or beyond the card, or exists as the card's bits stay
      // within.
      exists_q <= !spanning || (above_zero_q && !(&slab_q));
      if (&slab_q) begin
        above_zero_q <= above_ones_q;
        above_ones_q <= 1'b0;
      end
      if (exists_q) begin
        end_bank_q <= slab_q[BankW-1:0];
        end_part_q <= last_q && limit_q[LimitW-1:0] != '1;
      end
      if (exists_q && !started_q) begin
        started_q    <= 1'b1;
        start_bank_q <= slab_q[BankW-1:0];
      end
      if (!exists_q && started_q) begin
        late_range_q <= 1'b1;
      end
      if (!exists_q && !started_q) begin
        early_range_q <= 1'b1;
      end
    end
  end

  // Answers.
  always_ff @(posedge clk_i) begin
    accepted_q     <= accepted;
    change_q       <= (CountW + 1)'(sent) - (CountW + 1)'(answered);
    pending_q      <= pending_q + StepW'(change_q);
    pending_zero_q <= pending_q == '0 && change_q == '0 && state_q == StDrain;
    done_slabs_q   <= done_slabs_q + 24'(accepted_q);
    if (state_q == StIdle) begin
      refused_q    <= '0;
      seen_q       <= '0;
      done_slabs_q <= '0;
    end
    for (int unsigned b = 0; b < NumBanks; b = b + 1) begin
      if (rsp_valid_i[b]) begin
        latest_ok_q[b] <= rsp_status_i[b*4 +: 4] == exalloc_pkg::StatusOk;
        taken_q <= rsp_slab_i[b*SlabW +: SlabW];
        if (!refused_q[b]) begin
          cause_q[b*4 +: 4] <= rsp_status_i[b*4 +: 4];
          refused_q[b]      <= rsp_status_i[b*4 +: 4] != exalloc_pkg::StatusOk;
          if (rsp_status_i[b*4 +: 4] == exalloc_pkg::StatusOk) begin
            seen_q[b*SlabW +: SlabW] <= seen_q[b*SlabW +: SlabW] + SlabW'(1);
          end
        end
      end
    end
    if (rst_i) begin
      pending_q      <= '0;
      pending_zero_q <= 1'b0;
      change_q       <= '0;
      accepted_q     <= '0;
    end
  end

  // What the command changed.
  always_ff @(posedge clk_i) begin
    if (command_q == exalloc_pkg::CommandTrim) begin
      blocks_q <= 32'(SlabWidth);
    end else if (end_part_q && latest_ok_q[end_bank_q]) begin
      blocks_q <= 32'({done_slabs_q - 24'd1, limit_q[LimitW-1:0] + LimitW'(1)});
    end else begin
      blocks_q <= 32'({done_slabs_q, LimitW'(0)});
    end
    case (command_q)
      exalloc_pkg::CommandLink:   tell_q <= done_slabs_q != '0;
      exalloc_pkg::CommandUnlink: tell_q <= 1'b0;
      default:                    tell_q <= !best_q;
    endcase
  end
  assign mon_valid_o  = state_q == StTell && tell_q;
  assign mon_kind_o   = req_op_o;
  assign mon_list_o   = list_q[7:0];
  assign mon_blocks_o = blocks_q;

  // The search: of banks with equally many answers before the refusal, the one visited first.
  always_ff @(posedge clk_i) begin
    look_refused_q <= look_refused && state_q == StSearch;
    look_seen_q    <= look_seen;
    look_cause_q   <= look_cause;
    if (state_q != StSearch) begin
      look_q <= '0;
      if (state_q == StIdle) begin
        best_q <= 1'b0;
      end
    end else begin
      look_q <= look_q + CountW'(1);
      if (look_refused_q && (!best_q || look_seen_q < best_seen_q)) begin
        best_q       <= 1'b1;
        best_seen_q  <= look_seen_q;
        best_cause_q <= look_cause_q;
      end
    end
  end

endmodule

`default_nettype wire
