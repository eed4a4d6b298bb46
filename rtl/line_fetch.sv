// AXI4 read side: brings submission lines into the line buffer ahead of their execution.
//
// Contract: a portal is looked at when the host rings, when one of its buffered lines is taken, or
// when it may ask for more; after a ring in the next cycle, if the picker has no other. A burst is
// at most 4 lines within a 256-byte block, so it never crosses 4 KiB or the ring's end; it ends at
// the doorbell's tail and fits the free lines of the buffer, so rready is always high. All reads
// have ID 0: they come back in order. stop_i keeps new bursts off the bus; quiet_o says that none
// is under way.
// Cost: 3 stages from a ring to AR; MaxBursts entries of burst record; no path over 5 LUT levels.
`default_nettype none

module line_fetch #(
    parameter int unsigned NumPortals = 64,
    parameter int unsigned BufferW    = 4,
    parameter int unsigned MaxBursts  = 128,
    parameter int unsigned PortalW    = $clog2(NumPortals)
) (
    input  wire                        clk_i,
    input  wire                        rst_i,
    input  wire                        stop_i,
    output logic                       quiet_o,
    output logic                       empty_o,        // every line asked for has arrived

    // Portals to look at.
    input  wire                        event_i,        // the host rang, or started it
    input  wire  [        PortalW-1:0] event_idx_i,
    input  wire                        taken_i,        // a buffered line was taken
    input  wire  [        PortalW-1:0] taken_idx_i,
    output logic [     NumPortals-1:0] waiting_o,
    output logic [     NumPortals-1:0] fetching_o,

    // Portal table.
    output logic [        PortalW-1:0] f_idx_o,
    input  wire                        f_live_i,
    input  wire  [               15:0] f_ptr_i,
    input  wire  [               15:0] f_tail_i,
    input  wire  [          BufferW:0] f_taken_i,
    input  wire  [               63:0] f_base_i,
    input  wire  [                3:0] f_ring_log2_i,
    output logic                       f_we_o,
    output logic [        PortalW-1:0] f_widx_o,
    output logic [               15:0] f_ptr_o,

    // A line has arrived.
    output logic                       arrive_o,
    output logic [        PortalW-1:0] arrive_idx_o,
    output logic [          BufferW:0] arrive_ptr_o,   // lines arrived so far
    output logic                       fail_o,
    output logic [PortalW+BufferW-1:0] buffer_addr_o,
    output logic [              511:0] buffer_data_o,

    output logic [               63:0] m_axi_araddr_o,
    output logic [                7:0] m_axi_arlen_o,
    output logic                       m_axi_arvalid_o,
    input  wire                        m_axi_arready_i,
    input  wire  [              511:0] m_axi_rdata_i,
    input  wire  [                1:0] m_axi_rresp_i,
    input  wire                        m_axi_rlast_i,
    input  wire                        m_axi_rvalid_i,
    output logic                       m_axi_rready_o
);

  localparam int unsigned PtrW  = BufferW + 1;
  localparam int unsigned Lines = 1 << BufferW;
  localparam int unsigned OutW  = $clog2(MaxBursts) + 1;
  if (BufferW < 2) begin : g_bad_buffer
    $error("line_fetch: a portal needs a buffer of at least 4 lines");
  end

  // ---- Who may have lines to fetch ----

  (* nowrshmsk *) logic [NumPortals-1:0] pending_q;
  (* nowrshmsk *) logic [NumPortals-1:0] locked_q;
  logic [NumPortals-1:0] onehot;
  logic [   PortalW-1:0] pick_idx;
  logic                  pick, advance;
  logic                  again, finish;
  logic                  p1_q, p2_q, p3_q;
  logic [   PortalW-1:0] p1_idx_q, p2_idx_q, p3_idx_q;

  logic [NumPortals-1:0] turn_onehot, quick_onehot;
  logic [   PortalW-1:0] turn_idx, quick_idx_q;
  logic                  turn, quick, quick_q;

  portal_picker #(.NumPortals(NumPortals)) u_picker (
      .clk_i, .rst_i, .req_i(pending_q & ~locked_q & ~quick_onehot), .advance_i(advance),
      .pick_o(turn), .idx_o(turn_idx), .onehot_o(turn_onehot));

  // Past the picker, while it has nobody: whom the host rings for now and who is not in its round.
  assign quick        = quick_q && !turn;
  assign quick_onehot = NumPortals'(quick) << quick_idx_q;
  assign pick         = turn || quick;
  assign pick_idx     = turn ? turn_idx : quick_idx_q;
  assign onehot       = turn_onehot | quick_onehot;

  always_ff @(posedge clk_i) begin
    if (!quick || advance) begin
      quick_q     <= event_i && !pending_q[event_idx_i] && !locked_q[event_idx_i];
      quick_idx_q <= event_idx_i;
    end
    if (rst_i) quick_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    pending_q <= pending_q & ~onehot;
    locked_q  <= locked_q | onehot;
    if (finish) locked_q[p3_idx_q] <= 1'b0;
    if (again) pending_q[p3_idx_q] <= 1'b1;
    if (taken_i) pending_q[taken_idx_i] <= 1'b1;
    if (event_i) pending_q[event_idx_i] <= 1'b1;
    if (rst_i) begin
      pending_q <= '0;
      locked_q  <= '0;
    end
  end

  assign waiting_o  = pending_q;
  assign fetching_o = locked_q;

  // ---- Pipeline: read the table, take distances, form the burst ----

  logic               p1_live_q, p2_live_q, p3_go_q, p3_more_q;
  logic [       15:0] p1_ptr_q, p2_ptr_q, p3_ptr_q, p3_next_q;
  logic [       15:0] p1_tail_q, p2_left_q;
  logic [   PtrW-1:0] p1_taken_q, p2_room_q;
  logic [       63:0] p1_base_q, p2_addr_q, p3_addr_q;
  logic [        3:0] p1_ring_q;
  logic [       15:0] p2_size_q;
  logic [        2:0] p3_count_q;

  assign f_idx_o = pick_idx;

  // Lines of the next burst: to the end of the block or to the tail. Without room for all of them
  // it waits, so a backlog is fetched in whole bursts. A tail more than a ring ahead is none.
  logic [2:0] block_left, left, room, count;
  logic       sane;
  // 4 less the place in the block, and which is fewer, bit by bit: a carry chain follows.
  assign block_left = {p2_ptr_q[1:0] == 2'd0, p2_ptr_q[1] ^ p2_ptr_q[0], p2_ptr_q[0]};
  assign left       = p2_left_q[15:2] != '0 ? 3'd4 : 3'(p2_left_q[1:0]);
  assign room       = p2_room_q[PtrW-1:2] != '0 ? 3'd4 : 3'(p2_room_q[1:0]);
  logic fewer;
  assign fewer = (!left[2] && block_left[2]) ||
                 (left[2] == block_left[2] && ((!left[1] && block_left[1]) ||
                  (left[1] == block_left[1] && !left[0] && block_left[0])));
  assign count = fewer ? left : block_left;
  assign sane       = p2_left_q <= p2_size_q;

  logic [15:0] ring_mask;
  assign ring_mask = ~(16'hffff << p1_ring_q);

  always_ff @(posedge clk_i) begin
    if (advance) begin
      p1_q       <= pick;
      p1_idx_q   <= pick_idx;
      p1_live_q  <= f_live_i;
      p1_ptr_q   <= f_ptr_i;
      p1_tail_q  <= f_tail_i;
      p1_taken_q <= f_taken_i;
      p1_base_q  <= f_base_i;
      p1_ring_q  <= f_ring_log2_i;

      p2_q       <= p1_q;
      p2_idx_q   <= p1_idx_q;
      p2_live_q  <= p1_live_q;
      p2_ptr_q   <= p1_ptr_q;
      p2_left_q  <= p1_tail_q - p1_ptr_q;
      p2_room_q  <= PtrW'(Lines) - (p1_ptr_q[PtrW-1:0] - p1_taken_q);
      p2_size_q  <= 16'd1 << p1_ring_q;
      // Rings are aligned to their size, so the slot can be put in instead of added.
      p2_addr_q  <= {p1_base_q[63:10], 10'd0} | 64'({p1_ptr_q & ring_mask, 6'd0});

      p3_q       <= p2_q;
      p3_idx_q   <= p2_idx_q;
      p3_go_q    <= p2_live_q && sane && count != '0 && count <= room;
      p3_more_q  <= left > block_left || p2_left_q[15:2] != '0;
      p3_count_q <= count;
      p3_ptr_q   <= p2_ptr_q;
      p3_next_q  <= p2_ptr_q + 16'(count);
      p3_addr_q  <= p2_addr_q;
    end
    if (rst_i) begin
      p1_q <= 1'b0;
      p2_q <= 1'b0;
      p3_q <= 1'b0;
    end
  end

  // ---- AR, and the record of what was asked for ----

  logic            ar_ready, record_ready, out_room;
  logic            ar_valid;
  logic            issue;
  logic [OutW-1:0] bus_q;     // bursts on the bus
  logic            done;

  assign advance = !p3_q || !p3_go_q || (ar_ready && record_ready);
  assign issue   = p3_q && p3_go_q && ar_ready && record_ready;
  assign finish  = p3_q && advance;
  assign again   = issue && p3_more_q;
  assign f_we_o   = issue;
  assign f_widx_o = p3_idx_q;
  assign f_ptr_o  = p3_next_q;

  // Without the gate, a burst waiting here would go out after stop_i.
  logic        open_q;
  logic [63:0] ar_addr;
  logic [ 1:0] ar_len;
  logic [ 2:0] last_beat;  // 2'(...) would stay 3 bits wide in Yosys 0.23
  assign last_beat = p3_count_q - 3'd1;
  logic [ 3:0] unused_ar_count;
  sync_fifo #(.Width(60), .Depth(8)) u_ar (
      .clk_i, .rst_i, .in_valid_i(issue), .in_ready_o(ar_ready),
      .in_data_i({p3_addr_q[63:6], last_beat[1:0]}),
      .out_valid_o(ar_valid), .out_ready_i(out_room && open_q),
      .out_data_o({ar_addr[63:6], ar_len}), .count_o(unused_ar_count));
  assign ar_addr[5:0] = '0;

  assign out_room = !m_axi_arvalid_o || m_axi_arready_i;

  always_ff @(posedge clk_i) begin
    open_q <= !stop_i;
    if (out_room) begin
      m_axi_arvalid_o <= ar_valid && open_q;
      m_axi_araddr_o  <= ar_addr;
      m_axi_arlen_o   <= 8'(ar_len);
    end
    bus_q   <= bus_q + OutW'(out_room && ar_valid && open_q) - OutW'(done);
    quiet_o <= bus_q == '0 && !open_q && !m_axi_arvalid_o;
    if (rst_i) begin
      m_axi_arvalid_o <= 1'b0;
      bus_q           <= '0;
      open_q          <= 1'b0;
      quiet_o         <= 1'b0;
    end
  end

  // ---- Lines arriving ----

  logic               r_q, r_last_q, r_bad_q;
  logic [      511:0] r_data_q;
  logic [PortalW-1:0] burst_idx;
  logic [   PtrW-1:0] burst_ptr;
  logic               burst_valid;
  logic [        1:0] beat_q;
  logic [   PtrW-1:0] line_ptr;
  logic [     PtrW:0] line_after;  // the one after it: its carry comes in through a bit below
  logic [$clog2(MaxBursts):0] unused_record_count;

  sync_fifo #(.Width(PortalW + PtrW), .Depth(MaxBursts)) u_record (
      .clk_i, .rst_i, .in_valid_i(issue), .in_ready_o(record_ready),
      .in_data_i({p3_idx_q, p3_ptr_q[PtrW-1:0]}),
      .out_valid_o(burst_valid), .out_ready_i(done), .out_data_o({burst_idx, burst_ptr}),
      .count_o(unused_record_count));

  assign empty_o  = !burst_valid;
  assign done     = r_q && r_last_q;
  assign line_ptr = burst_ptr + PtrW'(beat_q);
  assign line_after = {burst_ptr, 1'b1} + {PtrW'(beat_q), 1'b1};

  always_ff @(posedge clk_i) begin
    r_q      <= m_axi_rvalid_i && m_axi_rready_o;
    r_last_q <= m_axi_rlast_i;
    r_bad_q  <= m_axi_rresp_i[1];
    r_data_q <= m_axi_rdata_i;
    if (r_q) beat_q <= r_last_q ? '0 : beat_q + 1'b1;

    arrive_o      <= r_q && burst_valid;
    arrive_idx_o  <= burst_idx;
    arrive_ptr_o  <= line_after[PtrW:1];
    fail_o        <= r_q && burst_valid && r_bad_q;
    buffer_addr_o <= {burst_idx, line_ptr[BufferW-1:0]};
    buffer_data_o <= r_data_q;
    m_axi_rready_o <= 1'b1;
    if (rst_i) begin
      r_q            <= 1'b0;
      beat_q         <= '0;
      arrive_o       <= 1'b0;
      fail_o         <= 1'b0;
      m_axi_rready_o <= 1'b0;
    end
  end

  logic unused;
  assign unused = &{1'b0, m_axi_rresp_i, p1_base_q, p3_ptr_q, p3_addr_q, last_beat,
                    line_ptr, line_after[0]};

endmodule

`default_nettype wire
