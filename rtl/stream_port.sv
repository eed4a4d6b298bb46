// A stream port: what one kernel pops and pushes, its configuration, counts and RECALL.
//
// Contract (docs/protocol.md, Stream ports; docs/registers.md, streams): the two streams of
// stream_pop and stream_push share one requester port of the crossbar; the top bit of the slot
// tells their answers apart. Register data comes the cycle after re_i. recall_i with the port's
// list: recall_busy_o is high from the next cycle until nothing is held, what was pushed before is
// executed and the list monitor was told of both; after that nothing is asked for until recalling_i
// (some port still does this) has been low for 4,096 cycles. A list or domain written while the
// other is in use takes effect once everything of that has gone back, which it then does.
// Cost:
// stream_pop, stream_push and three 32-bit counts.
`default_nettype none

module stream_port #(
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned NumSlabs  = 65536,  // of all banks together
    parameter int unsigned SlabWidth = 64,
    parameter int unsigned DomainW   = 6,
    parameter int unsigned SlotW     = 4,
    localparam int unsigned BankW    = $clog2(NumBanks),
    localparam int unsigned SlabW    = $clog2(NumSlabs / NumBanks),
    localparam int unsigned LimitW   = $clog2(SlabWidth),
    localparam int unsigned QuarterW = SlabWidth / 4
) (
    input  wire                          clk_i,
    input  wire                          rst_i,
    // kernel
    output logic [31:0]                  m_axis_pop_tdata_o,
    output logic                         m_axis_pop_tvalid_o,
    input  wire                          m_axis_pop_tready_i,
    input  wire  [31:0]                  s_axis_push_tdata_i,
    input  wire                          s_axis_push_tvalid_i,
    output logic                         s_axis_push_tready_o,
    // registers
    input  wire                          we_i,
    input  wire  [4:0]                   addr_i,
    input  wire  [31:0]                  wdata_i,
    output logic [31:0]                  rdata_o,
    // RECALL
    input  wire                          recall_i,
    input  wire  [9:0]                   recall_list_i,
    output logic                         recall_busy_o,
    input  wire                          recalling_i,
    // crossbar
    output logic                         req_valid_o,
    input  wire                          req_ready_i,
    output logic [BankW-1:0]             req_bank_o,
    output logic [2:0]                   req_op_o,
    output logic [7:0]                   req_list_o,
    output logic [DomainW-1:0]           req_domain_o,
    output logic [SlabW-1:0]             req_slab_o,
    output logic [LimitW-1:0]            req_limit_o,
    output logic [SlabWidth-1:0]         req_mask_o,
    output logic [SlotW-1:0]             req_slot_o,
    input  wire  [NumBanks-1:0]          rsp_valid_i,
    input  wire  [NumBanks*SlotW-1:0]    rsp_slot_i,
    input  wire  [NumBanks*4-1:0]        rsp_status_i,
    input  wire  [NumBanks*SlabW-1:0]    rsp_slab_i,
    input  wire  [NumBanks*2-1:0]        rsp_quarter_i,
    input  wire  [NumBanks*QuarterW-1:0] rsp_bits_i,
    // errors
    output logic                         err_valid_o,
    input  wire                          err_ready_i,
    output logic [3:0]                   err_status_o,
    output logic [9:0]                   err_list_o,
    output logic [31:0]                  err_token_o,
    // list monitor
    output logic                         tell_valid_o,
    input  wire                          tell_ready_i,
    output logic                         tell_release_o,
    output logic [7:0]                   tell_list_o,
    output logic [6:0]                   tell_count_o,
    // events
    output logic                         popped_o,
    output logic                         pushed_o,
    output logic                         busy_o
);

  if (SlotW < 2) begin : g_bad_slot
    $error("stream_port: SlotW must be at least 2");
  end
  if (DomainW < 1 || DomainW > 6) begin : g_bad_domain
    $error("stream_port: DomainW must be 1 to 6");
  end

  localparam int unsigned PauseW  = 12;  // 2^12 cycles without asking after a RECALL
  localparam int unsigned SettleW = 3;   // cycles for a stop to reach every flag

  // ---- Configuration ----

  logic               pop_q;
  logic               push_q;
  logic [7:0]         set_list_q;    // as written
  logic [DomainW-1:0] set_domain_q;
  logic [7:0]         list_q;        // in use
  logic [DomainW-1:0] domain_q;
  logic               same;
  logic               same_q;
  logic               pop_enable_q;
  logic               push_enable_q;
  logic               withdraw_q;

  // ---- Coming to rest: for a RECALL, or before another list ----

  logic               recall_q;
  logic               paused_q;
  logic [PauseW-1:0]  pause_q;
  logic [SettleW-1:0] settle_q;
  logic               rest_q;        // nothing inside but a token offered
  logic               stop;
  logic               recall_done;

  logic               pop_off;
  logic               pop_active;
  logic               pop_busy;
  logic               pop_empty;
  logic [3:0]         pop_refused;
  logic [9:0]         pop_held;
  logic               popped;
  logic               push_clear;
  logic               pushed;
  logic               erred;
  logic               tell_empty;

  assign stop          = recall_q || !same_q;
  assign recall_done   = recall_q && settle_q == '1 && rest_q;
  assign recall_busy_o = recall_q;

  logic written;
  assign written = we_i && addr_i == exalloc_pkg::RegStreamConfigOffset;
  assign same    = set_list_q == list_q && set_domain_q == domain_q;

  always_ff @(posedge clk_i) begin
    if (written) begin
      pop_q        <= wdata_i[exalloc_pkg::StreamConfigPopLsb];
      push_q       <= wdata_i[exalloc_pkg::StreamConfigPushLsb];
      set_list_q   <= wdata_i[exalloc_pkg::StreamConfigListLsb +: 8];
      set_domain_q <= wdata_i[exalloc_pkg::StreamConfigDomainLsb +: DomainW];
    end
    // What has just been written is compared first: no token goes in or out for the old list.
    same_q        <= same && !written;
    rest_q        <= pop_off && push_clear && tell_empty;
    pop_enable_q  <= pop_q && !stop && !paused_q;
    push_enable_q <= push_q && !stop;
    // A kernel may not be left with a token of a list that is no longer its own.
    withdraw_q    <= !pop_q || !same;

    // The flags must have heard of the last write too: it may have the token offered taken back.
    if (!stop || written) begin
      settle_q <= '0;
    end else if (settle_q != '1) begin
      settle_q <= settle_q + 1'b1;
    end
    if (settle_q == '1 && rest_q) begin
      list_q   <= set_list_q;
      domain_q <= set_domain_q;
    end

    if (recall_i && (recall_list_i == 10'(list_q) || recall_list_i == 10'(set_list_q))) begin
      recall_q <= 1'b1;
    end else if (recall_done) begin
      recall_q <= 1'b0;
    end
    if (recall_done) begin
      paused_q <= 1'b1;
    end else if (pause_q == '1) begin
      paused_q <= 1'b0;
    end
    // The host may look for blocks only when all ports have given back.
    if (!paused_q || recall_done) begin
      pause_q <= '0;
    end else if (!recalling_i) begin
      pause_q <= pause_q + 1'b1;
    end

    if (rst_i) begin
      pop_q         <= 1'b0;
      push_q        <= 1'b0;
      set_list_q    <= '0;
      set_domain_q  <= '0;
      list_q        <= '0;
      domain_q      <= '0;
      same_q        <= 1'b1;
      rest_q        <= 1'b0;
      pop_enable_q  <= 1'b0;
      push_enable_q <= 1'b0;
      withdraw_q    <= 1'b0;
      settle_q      <= '0;
      recall_q      <= 1'b0;
      paused_q      <= 1'b0;
      pause_q       <= '0;
    end
  end

  // ---- Streams ----

  logic                 ask_valid;
  logic                 ask_ready;
  logic [BankW-1:0]     ask_bank;
  logic                 back_valid;
  logic                 back_ready;
  logic [BankW-1:0]     back_bank;
  logic [SlabW-1:0]     back_slab;
  logic [SlabWidth-1:0] back_mask;
  logic [4:0]           back_count;
  logic                 op_valid;
  logic                 op_ready;
  logic [BankW-1:0]     op_bank;
  logic [SlabW-1:0]     op_slab;
  logic [SlabWidth-1:0] op_mask;
  logic                 op_repeat;
  logic [4:0]           got;
  logic                 got_full;
  logic [6:0]           released;
  logic                 released_full;
  logic [NumBanks-1:0]  pop_rsp;
  logic [NumBanks-1:0]  push_rsp;
  logic [NumBanks-1:0]  repeat_rsp;
  logic                 unused_slot;

  for (genvar b = 0; b < NumBanks; b = b + 1) begin : g_rsp
    assign pop_rsp[b]    = rsp_valid_i[b] && !rsp_slot_i[b*SlotW+SlotW-1];
    assign push_rsp[b]   = rsp_valid_i[b] && rsp_slot_i[b*SlotW+SlotW-1];
    assign repeat_rsp[b] = rsp_slot_i[b*SlotW];
  end
  assign unused_slot = &{1'b0, rsp_slot_i};

  stream_pop #(
      .NumBanks (NumBanks),
      .SlabW    (SlabW),
      .SlabWidth(SlabWidth)
  ) u_pop (
      .clk_i,
      .rst_i,
      .enable_i       (pop_enable_q),
      .withdraw_i     (withdraw_q),
      .off_o          (pop_off),
      .active_o       (pop_active),
      .busy_o         (pop_busy),
      .empty_o        (pop_empty),
      .refused_o      (pop_refused),
      .held_o         (pop_held),
      .popped_o       (popped),
      .m_axis_tdata_o (m_axis_pop_tdata_o),
      .m_axis_tvalid_o(m_axis_pop_tvalid_o),
      .m_axis_tready_i(m_axis_pop_tready_i),
      .ask_valid_o    (ask_valid),
      .ask_ready_i    (ask_ready),
      .ask_bank_o     (ask_bank),
      .rsp_valid_i    (pop_rsp),
      .rsp_status_i,
      .rsp_slab_i,
      .rsp_quarter_i,
      .rsp_bits_i,
      .got_o          (got),
      .got_full_i     (got_full),
      .back_valid_o   (back_valid),
      .back_ready_i   (back_ready),
      .back_bank_o    (back_bank),
      .back_slab_o    (back_slab),
      .back_mask_o    (back_mask),
      .back_count_o   (back_count)
  );

  stream_push #(
      .NumBanks (NumBanks),
      .NumSlabs (NumSlabs),
      .SlabWidth(SlabWidth)
  ) u_push (
      .clk_i,
      .rst_i,
      .accept_i       (push_enable_q),
      .clear_o        (push_clear),
      .pushed_o       (pushed),
      .erred_o        (erred),
      .s_axis_tdata_i (s_axis_push_tdata_i),
      .s_axis_tvalid_i(s_axis_push_tvalid_i),
      .s_axis_tready_o(s_axis_push_tready_o),
      .back_valid_i   (back_valid),
      .back_ready_o   (back_ready),
      .back_bank_i    (back_bank),
      .back_slab_i    (back_slab),
      .back_mask_i    (back_mask),
      .back_count_i   (back_count),
      .req_valid_o    (op_valid),
      .req_ready_i    (op_ready),
      .req_bank_o     (op_bank),
      .req_slab_o     (op_slab),
      .req_mask_o     (op_mask),
      .req_repeat_o   (op_repeat),
      .rsp_valid_i    (push_rsp),
      .rsp_repeat_i   (repeat_rsp),
      .rsp_status_i,
      .released_o     (released),
      .released_full_i(released_full),
      .err_valid_o,
      .err_ready_i,
      .err_status_o,
      .err_token_o
  );
  assign err_list_o = 10'(list_q);

  stream_tell u_tell (
      .clk_i,
      .rst_i,
      .got_i          (got),
      .got_full_o     (got_full),
      .released_i     (released),
      .released_full_o(released_full),
      .tell_valid_o,
      .tell_ready_i,
      .tell_release_o,
      .tell_count_o,
      .empty_o        (tell_empty)
  );
  assign tell_list_o = list_q;

  // ---- The requester port: in turn ----

  logic asked_q;  // the last operation was a grant
  logic asks;

  assign asks         = ask_valid && !(op_valid && asked_q);
  assign ask_ready    = req_ready_i && asks;
  assign op_ready     = req_ready_i && !asks;
  assign req_valid_o  = ask_valid || op_valid;
  assign req_op_o     = asks ? exalloc_pkg::BankOpGrant : exalloc_pkg::BankOpRelease;
  assign req_bank_o   = asks ? ask_bank : op_bank;
  assign req_list_o   = list_q;
  assign req_domain_o = domain_q;
  assign req_slab_o   = op_slab;
  assign req_limit_o  = '0;
  assign req_mask_o   = op_mask;
  always_comb begin
    req_slot_o          = '0;
    req_slot_o[SlotW-1] = !asks;
    req_slot_o[0]       = !asks && op_repeat;
  end

  always_ff @(posedge clk_i) begin
    if (req_valid_o && req_ready_i) begin
      asked_q <= asks;
    end
    if (rst_i) begin
      asked_q <= 1'b0;
    end
  end

  // ---- Counts: 16 bits and a carry, the upper half a cycle later ----

  logic [2:0]  event_q;  // refused, pushed, popped
  logic [95:0] count;

  for (genvar c = 0; c < 3; c = c + 1) begin : g_count
    logic [15:0] low_q;
    logic        carry_q;
    logic [31:0] count_q;

    always_ff @(posedge clk_i) begin
      {carry_q, low_q} <= 17'(low_q) + 17'(event_q[c]);
      count_q          <= {count_q[31:16] + 16'(carry_q), low_q};
      if (rst_i) begin
        low_q   <= '0;
        carry_q <= 1'b0;
        count_q <= '0;
      end
    end
    assign count[c*32 +: 32] = count_q;
  end

  // ---- Registers ----

  exalloc_pkg::stream_config_t config_word;
  exalloc_pkg::stream_status_t status_word;
  logic                        status_busy_q;
  logic [2:0]                  written_q;  // cycles until all flags know of a write
  logic                        recent;

  assign recent = written || written_q != '0;

  always_comb begin
    config_word        = '0;
    config_word.pop    = pop_q;
    config_word.push   = push_q;
    config_word.list   = set_list_q;
    config_word.domain = 6'(set_domain_q);

    status_word         = '0;
    status_word.busy    = status_busy_q;
    status_word.empty   = pop_empty;
    status_word.refused = pop_refused;
    status_word.held    = 16'(pop_held);
  end

  always_ff @(posedge clk_i) begin
    case (addr_i)
      exalloc_pkg::RegStreamConfigOffset:  rdata_o <= config_word;
      exalloc_pkg::RegStreamStatusOffset:  rdata_o <= status_word;
      exalloc_pkg::RegStreamPoppedOffset:  rdata_o <= count[31:0];
      exalloc_pkg::RegStreamPushedOffset:  rdata_o <= count[63:32];
      exalloc_pkg::RegStreamRefusedOffset: rdata_o <= count[95:64];
      default:                             rdata_o <= '0;
    endcase
    event_q       <= {erred, pushed, popped};
    status_busy_q <= pop_active || pop_held != '0 || !push_clear || !tell_empty || stop ||
                     recent;
    busy_o        <= pop_busy || !push_clear || !tell_empty || stop || (pop_q && paused_q) ||
                     recent;
    written_q     <= {written_q[1:0], written};
    if (rst_i) begin
      event_q       <= '0;
      written_q     <= '0;
      status_busy_q <= 1'b0;
      busy_o        <= 1'b0;
    end
  end

  assign popped_o = event_q[0];
  assign pushed_o = event_q[1];

endmodule

`default_nettype wire
