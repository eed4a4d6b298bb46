// AXI4 write side: gives completion lines their slot, phase and head, and writes them.
//
// Contract: sources offer lines (or, with write = 0, only the end of a job); the last one of a job
// ends the line in hand of its portal (done_o). Each line is one single-beat burst; all have ID 0,
// so answers come in order. Lines of a dead portal are dropped, their ends are not. Two lines of
// one portal come from one source and at least 2 cycles apart, so the pointers are read and written
// without forwarding. accepted_o and answered_o number the lines of all portals, for RECALL to wait
// on. stop_i keeps new bursts off the bus; quiet_o says that none is under way.
// Cost: 4 stages to AW/W, one line a cycle from 2 sources or more; QueueDepth x 576 bits of
// distributed memory; ≤ 5 LUT levels.
`default_nettype none

module line_write #(
    parameter int unsigned NumPortals = 64,
    parameter int unsigned NumSources = 9,
    parameter int unsigned BankW      = 2,
    parameter int unsigned QueueDepth = 16,
    parameter int unsigned MaxWrites  = 128,
    parameter int unsigned PortalW    = $clog2(NumPortals),
    parameter int unsigned CountW     = $clog2(MaxWrites + QueueDepth + 4) + 1
) (
    input  wire                           clk_i,
    input  wire                           rst_i,
    input  wire                           stop_i,
    output logic                          quiet_o,
    output logic                          empty_o,      // nothing waits or is on the bus

    input  wire  [        NumSources-1:0] src_valid_i,
    output logic [        NumSources-1:0] src_ready_o,
    input  wire  [        NumSources-1:0] src_write_i,
    input  wire  [        NumSources-1:0] src_last_i,
    input  wire  [    NumSources*512-1:0] src_line_i,
    input  wire  [  NumSources*BankW-1:0] src_bank_i,
    input  wire  [NumSources*PortalW-1:0] src_portal_i,

    // Portal table.
    output logic [           PortalW-1:0] w_idx_o,
    input  wire                           w_dead_i,
    input  wire  [                  15:0] w_tail_i,
    input  wire  [                  15:0] w_head_i,
    input  wire  [                  63:0] w_base_i,
    input  wire  [                   3:0] w_ring_log2_i,
    output logic                          w_we_o,
    output logic                          w_last_o,
    output logic [           PortalW-1:0] w_widx_o,
    output logic [                  15:0] w_tail_o,
    output logic [                  15:0] w_head_o,
    output logic [             BankW-1:0] w_bank_o,
    output logic [           PortalW-1:0] b_idx_o,
    input  wire  [            CountW-1:0] b_count_i,
    output logic                          b_we_o,
    output logic [            CountW-1:0] b_count_o,

    output logic                          done_o,
    output logic [           PortalW-1:0] done_idx_o,
    output logic                          fail_o,
    output logic [           PortalW-1:0] fail_idx_o,
    output logic                          written_o,    // for the counter
    output logic [                  15:0] accepted_o,
    output logic [                  15:0] answered_o,

    output logic [                  63:0] m_axi_awaddr_o,
    output logic                          m_axi_awvalid_o,
    input  wire                           m_axi_awready_i,
    output logic [                 511:0] m_axi_wdata_o,
    output logic                          m_axi_wvalid_o,
    input  wire                           m_axi_wready_i,
    input  wire  [                   1:0] m_axi_bresp_i,
    input  wire                           m_axi_bvalid_i,
    output logic                          m_axi_bready_o
);

  localparam int unsigned QueueW = $clog2(QueueDepth) + 1;
  if (QueueDepth < 8) begin : g_bad_depth
    $error("line_write: QueueDepth must be at least 8");
  end

  // ---- Choose a source ----

  logic [NumSources-1:0] grant, grant_q;
  logic                  grant_valid, room_q;
  logic [QueueW-1:0]     queued;
  logic [(NumSources > 1 ? $clog2(NumSources) : 1)-1:0] unused_grant_idx;

  // The source served now may have nothing more: it sits out one turn.
  rr_arbiter #(.N(NumSources)) u_arbiter (
      .clk_i, .rst_i, .req_i(src_valid_i & ~grant_q), .advance_i(room_q),
      .gnt_o(grant), .gnt_idx_o(unused_grant_idx), .valid_o(grant_valid));

  always_ff @(posedge clk_i) begin
    grant_q <= room_q && grant_valid ? grant : '0;
    // Room for what is in the stages before the queue, and one more.
    room_q  <= queued < QueueW'(QueueDepth - 5);
    if (rst_i) begin
      grant_q <= '0;
      room_q  <= 1'b0;
    end
  end

  assign src_ready_o = grant_q;

  // ---- Stage 1: the line of that source ----

  logic [    511:0] mux_line;
  logic [BankW-1:0] mux_bank;
  logic [PortalW-1:0] mux_portal;
  logic             mux_write, mux_last;
  always_comb begin
    mux_line   = '0;
    mux_bank   = '0;
    mux_portal = '0;
    for (int unsigned s = 0; s < NumSources; s = s + 1) begin
`ifdef EXALLOC_FAST_SIM  // the same by a branch: one source has its turn
      if (grant_q[s]) begin
        mux_line   = src_line_i[s*512+:512];
        mux_bank   = src_bank_i[s*BankW+:BankW];
        mux_portal = src_portal_i[s*PortalW+:PortalW];
      end
`else
      mux_line   = mux_line | (src_line_i[s*512+:512] & {512{grant_q[s]}});
      mux_bank   = mux_bank | (src_bank_i[s*BankW+:BankW] & {BankW{grant_q[s]}});
      mux_portal = mux_portal | (src_portal_i[s*PortalW+:PortalW] & {PortalW{grant_q[s]}});
`endif
    end
  end
  assign mux_write = (src_write_i & grant_q) != '0;
  assign mux_last  = (src_last_i & grant_q) != '0;

  // ---- Stages 2 and 3: read the portal's pointers; fill in the line and move them on ----

  logic               w1_q, w1_write_q, w1_last_q, w2_q, w2_write_q, w2_last_q, w2_dead_q;
  logic [      511:0] w1_line_q, w2_line_q;
  logic [  BankW-1:0] w1_bank_q, w2_bank_q;
  logic [PortalW-1:0] w1_idx_q, w2_idx_q;
  logic [       15:0] w2_tail_q, w2_head_q;
  logic [       63:0] w2_base_q;
  logic [        3:0] w2_ring_q;

  assign w_idx_o = w1_idx_q;

  logic        live_write;
  logic [15:0] head_next, ring_mask;
  assign live_write = w2_q && w2_write_q && !w2_dead_q;
  assign head_next  = w2_head_q + 16'(w2_last_q);
  assign ring_mask  = ~(16'hffff << w2_ring_q);

  assign w_we_o   = w2_q;
  assign w_last_o = w2_last_q;
  assign w_widx_o = w2_idx_q;
  assign w_tail_o = w2_tail_q + 16'(live_write);
  assign w_head_o = head_next;
  assign w_bank_o = w2_bank_q;

  assign done_o     = w2_q && w2_last_q;
  assign done_idx_o = w2_idx_q;

  logic               w3_q;
  logic [      511:0] w3_line_q;
  logic [       57:0] w3_addr_q;
  logic [PortalW-1:0] w3_idx_q;

  always_ff @(posedge clk_i) begin
    w1_q       <= grant_q != '0;
    w1_write_q <= mux_write;
    w1_last_q  <= mux_last;
    w1_line_q  <= mux_line;
    w1_bank_q  <= mux_bank;
    w1_idx_q   <= mux_portal;

    w2_q       <= w1_q;
    w2_write_q <= w1_write_q;
    w2_last_q  <= w1_last_q;
    w2_line_q  <= w1_line_q;
    w2_bank_q  <= w1_bank_q;
    w2_idx_q   <= w1_idx_q;
    w2_dead_q  <= w_dead_i;
    w2_tail_q  <= w_tail_i;
    w2_head_q  <= w_head_i;
    w2_base_q  <= w_base_i;
    w2_ring_q  <= w_ring_log2_i;

    w3_q       <= live_write;
    w3_idx_q   <= w2_idx_q;
    w3_addr_q  <= {w2_base_q[63:10], 4'd0} | {42'd0, w2_tail_q & ring_mask};
    w3_line_q  <= w2_line_q;
    w3_line_q[exalloc_pkg::CompletionHeaderPhaseLsb] <= !w2_tail_q[w2_ring_q];
    w3_line_q[exalloc_pkg::CompletionHeaderHeadLsb+:exalloc_pkg::CompletionHeaderHeadWidth] <=
        head_next;
    if (live_write) accepted_o <= accepted_o + 1'b1;
    if (rst_i) begin
      w1_q       <= 1'b0;
      w2_q       <= 1'b0;
      w3_q       <= 1'b0;
      accepted_o <= '0;
    end
  end

  assign written_o = w3_q;

  // ---- AW and W ----

  logic               queue_ready, queue_valid, pop, record_ready, open_q;
  logic [      511:0] queue_line;
  logic [       57:0] queue_addr;
  logic [PortalW-1:0] queue_idx;

  sync_fifo #(.Width(PortalW + 58 + 512), .Depth(QueueDepth)) u_queue (
      .clk_i, .rst_i, .in_valid_i(w3_q), .in_ready_o(queue_ready),
      .in_data_i({w3_idx_q, w3_addr_q, w3_line_q}), .out_valid_o(queue_valid), .out_ready_i(pop),
      .out_data_o({queue_idx, queue_addr, queue_line}), .count_o(queued));

  assign pop = queue_valid && open_q && record_ready &&
               (!m_axi_awvalid_o || m_axi_awready_i) && (!m_axi_wvalid_o || m_axi_wready_i);

  always_ff @(posedge clk_i) begin
    open_q <= !stop_i;
    if (m_axi_awready_i) m_axi_awvalid_o <= 1'b0;
    if (m_axi_wready_i) m_axi_wvalid_o <= 1'b0;
    if (pop) begin
      m_axi_awvalid_o <= 1'b1;
      m_axi_wvalid_o  <= 1'b1;
      m_axi_awaddr_o  <= {queue_addr, 6'd0};
      m_axi_wdata_o   <= queue_line;
    end
    if (rst_i) begin
      m_axi_awvalid_o <= 1'b0;
      m_axi_wvalid_o  <= 1'b0;
      open_q          <= 1'b0;
    end
  end

  // ---- Answers ----

  localparam int unsigned RecordW = $clog2(MaxWrites) + 1;
  logic               b_q, b_bad_q, record_valid;
  logic [PortalW-1:0] record_idx;
  logic [RecordW-1:0] on_bus;

  sync_fifo #(.Width(PortalW), .Depth(MaxWrites)) u_record (
      .clk_i, .rst_i, .in_valid_i(pop), .in_ready_o(record_ready), .in_data_i(queue_idx),
      .out_valid_o(record_valid), .out_ready_i(b_q), .out_data_o(record_idx), .count_o(on_bus));

  assign b_idx_o   = record_idx;
  assign b_we_o    = b_q && record_valid;
  assign b_count_o = b_count_i + 1'b1;

  always_ff @(posedge clk_i) begin
    b_q            <= m_axi_bvalid_i && m_axi_bready_o;
    b_bad_q        <= m_axi_bresp_i[1];
    fail_o         <= b_we_o && b_bad_q;
    fail_idx_o     <= record_idx;
    m_axi_bready_o <= 1'b1;
    if (b_we_o) answered_o <= answered_o + 1'b1;
    quiet_o <= on_bus == '0 && !open_q;
    empty_o <= on_bus == '0 && queued == '0 && !w1_q && !w2_q && !w3_q && grant_q == '0;
    if (rst_i) begin
      b_q            <= 1'b0;
      fail_o         <= 1'b0;
      m_axi_bready_o <= 1'b0;
      answered_o     <= '0;
      quiet_o        <= 1'b0;
      empty_o        <= 1'b0;
    end
  end

  // The queue was seen to have room before the source was taken.
  logic unused;
  assign unused = &{1'b0, queue_ready, m_axi_bresp_i[0], w2_base_q};

endmodule

`default_nettype wire
