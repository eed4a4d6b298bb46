// The card: registers (AXI4-Lite), portals, line workers, the slab and the lookaside engine behind
// one AXI4 master, and stream ports for kernels. It is long because it only wires: the whole card
// can be seen in one place.
//
// Contract: docs/protocol.md and regs/exalloc.json. After rst_i, or control.reset,
// card_status.ready tells when the memories are swept. The AXI master uses ID 0 only, reads bursts
// of up to 4 lines, writes single lines, and is always ready for answers. Stream port i has lane i
// of the m_axis_pop_* and s_axis_push_* vectors. idle_o: nothing will happen until the host writes a
// register, the memory bus moves, a kernel acts or the governor's period ends; who then stops the
// clock gives the number of cycles left out in gated_cycles_i with the next edge. It is 0 where the
// clock never stops.
// Cost: the sum of its parts; structured for 300 MHz, FF to FF ≤ 6 LUT levels.
`default_nettype none

module exalloc_card #(
    parameter int unsigned NumBanks   = 4,
    parameter int unsigned NumSlabs   = 65536,
    parameter int unsigned SlabWidth  = 64,
    parameter int unsigned NumLists   = 255,
    parameter int unsigned NumPortals = 64,
    parameter int unsigned NumWorkers = 16,
    parameter int unsigned NumStreams = 4,
    parameter int unsigned NumLookaside   = 64,
    parameter int unsigned LookasideDepth = 256,
    parameter int unsigned DomainW    = 6,
    parameter int unsigned ClockKhz   = 300000,
    parameter int unsigned BufferW    = 4,     // log2 of the lines read ahead for each portal
    parameter int unsigned MaxReads   = 128,   // bursts under way
    parameter int unsigned MaxWrites  = 128,
    parameter int unsigned ResetStages = 0     // flip-flops on the way of a reset to each part
) (
    input  wire          clk_i,
`ifdef EXALLOC_UNIT_CLOCKS  // simulation only: workers, banks, all stream ports, lookaside lists
    input  wire  [NumWorkers+NumBanks+1:0] unit_clk_i,
    output logic [NumWorkers+NumBanks+1:0] unit_active_o,
`endif
    input  wire          rst_i,
    output logic         interrupt_o,
    output logic         idle_o,
    input  wire  [ 31:0] gated_cycles_i,

    output logic [NumStreams*32-1:0] m_axis_pop_tdata_o,
    output logic [   NumStreams-1:0] m_axis_pop_tvalid_o,
    input  wire  [   NumStreams-1:0] m_axis_pop_tready_i,
    input  wire  [NumStreams*32-1:0] s_axis_push_tdata_i,
    input  wire  [   NumStreams-1:0] s_axis_push_tvalid_i,
    output logic [   NumStreams-1:0] s_axis_push_tready_o,

    input  wire  [ 15:0] s_axil_awaddr_i,
    input  wire          s_axil_awvalid_i,
    output logic         s_axil_awready_o,
    input  wire  [ 31:0] s_axil_wdata_i,
    input  wire  [  3:0] s_axil_wstrb_i,
    input  wire          s_axil_wvalid_i,
    output logic         s_axil_wready_o,
    output logic [  1:0] s_axil_bresp_o,
    output logic         s_axil_bvalid_o,
    input  wire          s_axil_bready_i,
    input  wire  [ 15:0] s_axil_araddr_i,
    input  wire          s_axil_arvalid_i,
    output logic         s_axil_arready_o,
    output logic [ 31:0] s_axil_rdata_o,
    output logic [  1:0] s_axil_rresp_o,
    output logic         s_axil_rvalid_o,
    input  wire          s_axil_rready_i,

    output logic         m_axi_awid_o,
    output logic [ 63:0] m_axi_awaddr_o,
    output logic [  7:0] m_axi_awlen_o,
    output logic [  2:0] m_axi_awsize_o,
    output logic [  1:0] m_axi_awburst_o,
    output logic [  3:0] m_axi_awcache_o,
    output logic [  2:0] m_axi_awprot_o,
    output logic         m_axi_awvalid_o,
    input  wire          m_axi_awready_i,
    output logic [511:0] m_axi_wdata_o,
    output logic [ 63:0] m_axi_wstrb_o,
    output logic         m_axi_wlast_o,
    output logic         m_axi_wvalid_o,
    input  wire          m_axi_wready_i,
    input  wire          m_axi_bid_i,
    input  wire  [  1:0] m_axi_bresp_i,
    input  wire          m_axi_bvalid_i,
    output logic         m_axi_bready_o,
    output logic         m_axi_arid_o,
    output logic [ 63:0] m_axi_araddr_o,
    output logic [  7:0] m_axi_arlen_o,
    output logic [  2:0] m_axi_arsize_o,
    output logic [  1:0] m_axi_arburst_o,
    output logic [  3:0] m_axi_arcache_o,
    output logic [  2:0] m_axi_arprot_o,
    output logic         m_axi_arvalid_o,
    input  wire          m_axi_arready_i,
    input  wire          m_axi_rid_i,
    input  wire  [511:0] m_axi_rdata_i,
    input  wire  [  1:0] m_axi_rresp_i,
    input  wire          m_axi_rlast_i,
    input  wire          m_axi_rvalid_i,
    output logic         m_axi_rready_o
);

  localparam int unsigned BankW      = $clog2(NumBanks);
  localparam int unsigned PortalW    = $clog2(NumPortals);
  localparam int unsigned SlabW      = $clog2(NumSlabs / NumBanks);
  localparam int unsigned LimitW     = $clog2(SlabWidth);
  localparam int unsigned QuarterW   = SlabWidth / 4;
  localparam int unsigned SlotW      = 4;
  localparam int unsigned NumPorts   = NumWorkers + 1 + NumStreams;  // workers, commands, streams
  localparam int unsigned TagW       = $clog2(NumPorts) + SlotW;
  localparam int unsigned NumSources = NumWorkers + 2;  // of lines: workers, RECALL, lookaside
  localparam int unsigned NumTellers = NumWorkers + NumStreams;
  localparam int unsigned NumErrors  = NumWorkers + 1 + NumStreams;
  localparam int unsigned CountW     = $clog2(MaxWrites + 20) + 1;

  if (NumBanks < 2 || NumBanks != (1 << BankW)) begin : g_bad_banks
    $error("exalloc_card: NumBanks must be a power of two, at least 2");
  end
  if (NumSlabs != (1 << (SlabW + BankW))) begin : g_bad_slabs
    $error("exalloc_card: NumSlabs must be a power of two");
  end
  if (NumWorkers < 1 || NumWorkers > 32) begin : g_bad_workers
    $error("exalloc_card: NumWorkers must be 1 to 32");
  end

  // ---- Reset ----

  logic rst, stop, ready, access_busy, host_reset, fetch_quiet, write_quiet, swept;
  logic hold_aw, hold_w, hold_ar;
  logic control_we, control_reset;
  assign host_reset = control_we && control_reset;

  logic awready, wready, arready;  // of the decoder; the port is held off around a reset
  assign s_axil_awready_o = awready && !hold_aw;
  assign s_axil_wready_o  = wready && !hold_w;
  assign s_axil_arready_o = arready && !hold_ar;

  // Each part that may lie in a region of its own has its own path of the reset, all equally long.
  localparam int unsigned NumResets = NumWorkers + 4;
  logic                  core_rst, rst_engine, rst_lookaside, rst_streams;
  logic [NumWorkers-1:0] rst_worker;
  reset_pipe #(.Stages(ResetStages), .Copies(NumResets)) u_reset_paths (
      .clk_i, .rst_i(core_rst),
      .rst_o({rst_worker, rst_engine, rst_lookaside, rst_streams, rst}));

  card_reset #(.Settle(ResetStages)) u_reset (
      .clk_i, .rst_i, .reset_i(host_reset), .bus_quiet_i(fetch_quiet && write_quiet),
      .swept_i(swept && lookaside_swept && monitor_swept), .stop_o(stop), .core_rst_o(core_rst),
      .ready_o(ready),
      .aw_i(s_axil_awvalid_i && s_axil_awready_o), .w_i(s_axil_wvalid_i && s_axil_wready_o),
      .b_i(s_axil_bvalid_o && s_axil_bready_i), .ar_i(s_axil_arvalid_i && s_axil_arready_o),
      .r_i(s_axil_rvalid_o && s_axil_rready_i), .hold_aw_o(hold_aw), .hold_w_o(hold_w),
      .hold_ar_o(hold_ar), .busy_o(access_busy));

  // ---- Registers ----

  logic        interrupt_error, interrupt_done, enable_error, enable_done, error_found;
  logic [ 9:0] command_list;
  logic [ 5:0] command_domain, command_limit;
  logic [31:0] command_slab, command_count;
  logic        command_we, slab_command_busy, slab_command_done;
  logic        lookaside_command_busy, lookaside_command_done;
  logic        lookaside_command, command_lookaside_q, command_busy_q;
  logic [ 3:0] command_code, result_status, slab_result_status, lookaside_result_status;
  logic [23:0] result_slab, slab_result_slab;
  logic        error_valid, error_pop_we, error_pop;
  logic [ 3:0] error_opcode, error_status;
  logic [ 9:0] error_list;
  logic [ 5:0] error_portal;
  logic [31:0] error_token, error_lost;
  logic        counters_re, portals_we, portals_re;
  logic [ 4:0] counters_index;
  logic [ 2:0] counters_addr;
  logic [ 5:0] portals_index, portals_addr;
  logic [31:0] counters_rdata, portals_wdata, portals_rdata;
  logic [ 1:0] counters_wait_q;
  logic [ 2:0] portals_wait_q;
  logic        depletion, interrupt_depletion, enable_depletion;
  logic [ 8:0] command_depth, command_minimum, command_maximum;
  logic [31:0] governor_period;
  logic        depleted_re, depleted_rvalid, lists_we, lists_re, lists_rvalid;
  logic        lookasides_re, lookasides_rvalid, streams_we, streams_re, streams_rvalid;
  logic [ 2:0] depleted_index, depleted_addr;
  logic [ 7:0] lists_index;
  logic [ 5:0] lookasides_index;
  logic [ 3:0] streams_index;
  logic [ 4:0] lists_addr, lookasides_addr, streams_addr;
  logic [31:0] depleted_rdata, lists_wdata, lists_rdata, lookasides_rdata;
  logic [31:0] streams_wdata, streams_rdata;

  exalloc_regs u_regs (
      .clk_i, .rst_i(rst),
      .s_axil_awaddr_i, .s_axil_awvalid_i(s_axil_awvalid_i && !hold_aw), .s_axil_awready_o(awready),
      .s_axil_wdata_i, .s_axil_wstrb_i, .s_axil_wvalid_i(s_axil_wvalid_i && !hold_w),
      .s_axil_wready_o(wready), .s_axil_bresp_o, .s_axil_bvalid_o, .s_axil_bready_i,
      .s_axil_araddr_i, .s_axil_arvalid_i(s_axil_arvalid_i && !hold_ar), .s_axil_arready_o(arready),
      .s_axil_rdata_o, .s_axil_rresp_o, .s_axil_rvalid_o, .s_axil_rready_i,
      .geometry_banks_i(8'(NumBanks)), .geometry_slab_width_i(8'(SlabWidth)),
      .geometry_portals_i(8'(NumPortals)), .geometry_workers_i(8'(NumWorkers)),
      .slabs_count_i(32'(NumSlabs)), .lists_count_i(16'(NumLists)), .clock_khz_i(32'(ClockKhz)),
      .control_we_o(control_we), .control_reset_o(control_reset),
      .card_status_ready_i(ready),
      .card_status_command_busy_i(command_busy_q),
      .interrupt_status_error_set_i(error_found), .interrupt_status_error_o(interrupt_error),
      .interrupt_status_command_done_set_i(slab_command_done || lookaside_command_done),
      .interrupt_status_command_done_o(interrupt_done),
      .interrupt_enable_error_o(enable_error), .interrupt_enable_command_done_o(enable_done),
      .command_list_list_o(command_list), .command_list_domain_o(command_domain),
      .command_slab_slab_o(command_slab), .command_count_count_o(command_count),
      .command_limit_limit_o(command_limit), .command_we_o(command_we),
      .command_command_o(command_code), .command_result_status_i(result_status),
      .command_result_slab_i(result_slab), .error_info_valid_i(error_valid),
      .error_info_opcode_i(error_opcode), .error_info_status_i(error_status),
      .error_info_list_i(error_list), .error_info_portal_i(error_portal),
      .error_token_token_i(error_token), .error_pop_we_o(error_pop_we), .error_pop_pop_o(error_pop),
      .error_lost_count_i(error_lost),
      .counters_re_o(counters_re), .counters_index_o(counters_index),
      .counters_addr_o(counters_addr), .counters_rvalid_i(counters_wait_q[1]),
      .counters_rdata_i(counters_rdata),
      .portals_we_o(portals_we), .portals_wdata_o(portals_wdata), .portals_re_o(portals_re),
      .portals_index_o(portals_index), .portals_addr_o(portals_addr),
      .portals_rvalid_i(portals_wait_q[2]), .portals_rdata_i(portals_rdata),
      .interrupt_status_depletion_set_i(depletion),
      .interrupt_status_depletion_o(interrupt_depletion),
      .interrupt_enable_depletion_o(enable_depletion),
      .engines_lookaside_lists_i(8'(NumLookaside)),
      .engines_lookaside_depth_i(16'(LookasideDepth)), .engines_stream_ports_i(8'(NumStreams)),
      .command_depth_depth_o(command_depth), .command_depth_minimum_o(command_minimum),
      .command_depth_maximum_o(command_maximum), .governor_period_cycles_o(governor_period),
      .depleted_re_o(depleted_re), .depleted_index_o(depleted_index),
      .depleted_addr_o(depleted_addr),
      .depleted_rvalid_i(depleted_rvalid), .depleted_rdata_i(depleted_rdata),
      .lists_we_o(lists_we), .lists_wdata_o(lists_wdata), .lists_re_o(lists_re),
      .lists_index_o(lists_index), .lists_addr_o(lists_addr), .lists_rvalid_i(lists_rvalid),
      .lists_rdata_i(lists_rdata),
      .lookasides_re_o(lookasides_re), .lookasides_index_o(lookasides_index),
      .lookasides_addr_o(lookasides_addr), .lookasides_rvalid_i(lookasides_rvalid),
      .lookasides_rdata_i(lookasides_rdata),
      .streams_we_o(streams_we), .streams_wdata_o(streams_wdata), .streams_re_o(streams_re),
      .streams_index_o(streams_index), .streams_addr_o(streams_addr),
      .streams_rvalid_i(streams_rvalid), .streams_rdata_i(streams_rdata));

  // A command goes to the unit that knows it; the result register shows that unit's answer.
  assign lookaside_command = command_code == exalloc_pkg::CommandLookasideOpen ||
                             command_code == exalloc_pkg::CommandLookasideClose ||
                             command_code == exalloc_pkg::CommandGovern;
  logic command_start;
  assign command_start = command_we && ready && !slab_command_busy && !lookaside_command_busy;
  assign result_status = command_lookaside_q ? lookaside_result_status : slab_result_status;
  assign result_slab   = command_lookaside_q ? '0 : slab_result_slab;

  always_ff @(posedge clk_i) begin
    if (command_start) command_lookaside_q <= lookaside_command;
    // As the host sees it: from the start of a command to the cycle after its end.
    command_busy_q <= command_start || slab_command_busy || lookaside_command_busy;
    if (rst) begin
      command_lookaside_q <= 1'b0;
      command_busy_q      <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    counters_wait_q <= {counters_wait_q[0], counters_re};
    portals_wait_q  <= {portals_wait_q[1:0], portals_re};
    interrupt_o     <= (interrupt_error && enable_error) || (interrupt_done && enable_done) ||
                       (interrupt_depletion && enable_depletion);
    if (rst) begin
      counters_wait_q <= '0;
      portals_wait_q  <= '0;
      interrupt_o     <= 1'b0;
    end
  end

  // ---- Portals ----

  logic                  event_any, event_start, doorbell, bad_doorbell, starting;
  logic [   PortalW-1:0] event_idx, bad_doorbell_idx;
  logic [NumPortals-1:0] live, in_hand, fetching, fetch_waiting, run_waiting, stalled;
  logic                  read_fail, write_fail, read_fail_new, write_fail_new;
  logic [   PortalW-1:0] arrive_idx, write_fail_idx;

  logic [   PortalW-1:0] f_idx, f_widx, s_idx, s_widx, w_idx, w_widx, b_idx, q_idx;
  logic                  f_live, f_we, s_live, s_we, w_dead, w_we, w_last, b_we, arrive;
  logic [          15:0] f_ptr, f_tail, f_ptr_next, s_chead, s_ctail, s_head, w_tail, w_head;
  logic [          15:0] w_tail_next, w_head_next, q_tail, q_head;
  logic [     BufferW:0] f_taken, arrive_ptr, s_arrived, s_taken, s_taken_next;
  logic [          63:0] f_base, w_base;
  logic [           3:0] f_ring, s_ring, w_ring;
  logic [   DomainW-1:0] s_domain;
  logic [     BankW-1:0] s_bank, w_bank_next;
  logic [    CountW-1:0] b_count, b_count_next;

  portal_table #(
      .NumPortals(NumPortals), .BufferW(BufferW), .DomainW(DomainW), .BankW(BankW), .CountW(CountW)
  ) u_table (
      .clk_i, .rst_i(rst),
      .host_we_i(portals_we && ready), .host_re_i(portals_re), .host_index_i(portals_index),
      .host_addr_i(portals_addr), .host_wdata_i(portals_wdata), .host_rdata_o(portals_rdata),
      .event_o(event_any), .start_o(event_start), .event_idx_o(event_idx), .doorbell_o(doorbell),
      .bad_doorbell_o(bad_doorbell), .bad_doorbell_idx_o(bad_doorbell_idx),
      .live_o(live), .starting_o(starting), .in_hand_i(in_hand), .fetching_i(fetching),
      .waiting_i(fetch_waiting | run_waiting), .stalled_i(stalled),
      .read_fail_i(read_fail), .read_fail_idx_i(arrive_idx), .write_fail_i(write_fail),
      .write_fail_idx_i(write_fail_idx), .read_fail_new_o(read_fail_new),
      .write_fail_new_o(write_fail_new),
      .f_idx_i(f_idx), .f_live_o(f_live), .f_ptr_o(f_ptr), .f_tail_o(f_tail), .f_taken_o(f_taken),
      .f_base_o(f_base), .f_ring_log2_o(f_ring), .f_we_i(f_we), .f_widx_i(f_widx),
      .f_ptr_i(f_ptr_next), .r_we_i(arrive), .r_widx_i(arrive_idx), .r_arrived_i(arrive_ptr),
      .s_idx_i(s_idx), .s_live_o(s_live), .s_arrived_o(s_arrived), .s_taken_o(s_taken),
      .s_completion_head_o(s_chead), .s_completion_tail_o(s_ctail), .s_head_o(s_head),
      .s_ring_log2_o(s_ring), .s_domain_o(s_domain), .s_bank_o(s_bank), .s_we_i(s_we),
      .s_widx_i(s_widx), .s_taken_i(s_taken_next),
      .w_idx_i(w_idx), .w_dead_o(w_dead), .w_tail_o(w_tail), .w_head_o(w_head), .w_base_o(w_base),
      .w_ring_log2_o(w_ring), .w_we_i(w_we), .w_last_i(w_last), .w_widx_i(w_widx),
      .w_tail_i(w_tail_next), .w_head_i(w_head_next), .w_bank_i(w_bank_next), .b_idx_i(b_idx),
      .b_count_o(b_count), .b_we_i(b_we), .b_count_i(b_count_next),
      .q_idx_i(q_idx), .q_tail_o(q_tail), .q_head_o(q_head));

  // ---- Submission lines ----

  logic [PortalW+BufferW-1:0] fill_addr, read_addr;
  logic [              511:0] fill_data, read_data;
  logic                       buffer_re, fetch_empty;

  line_fetch #(.NumPortals(NumPortals), .BufferW(BufferW), .MaxBursts(MaxReads)) u_fetch (
      .clk_i, .rst_i(rst), .stop_i(stop), .quiet_o(fetch_quiet), .empty_o(fetch_empty),
      .event_i(event_any), .event_idx_i(event_idx), .taken_i(s_we), .taken_idx_i(s_widx),
      .waiting_o(fetch_waiting), .fetching_o(fetching),
      .f_idx_o(f_idx), .f_live_i(f_live), .f_ptr_i(f_ptr), .f_tail_i(f_tail), .f_taken_i(f_taken),
      .f_base_i(f_base), .f_ring_log2_i(f_ring), .f_we_o(f_we), .f_widx_o(f_widx),
      .f_ptr_o(f_ptr_next), .arrive_o(arrive), .arrive_idx_o(arrive_idx),
      .arrive_ptr_o(arrive_ptr), .fail_o(read_fail), .buffer_addr_o(fill_addr),
      .buffer_data_o(fill_data),
      .m_axi_araddr_o, .m_axi_arlen_o, .m_axi_arvalid_o, .m_axi_arready_i, .m_axi_rdata_i,
      .m_axi_rresp_i, .m_axi_rlast_i, .m_axi_rvalid_i, .m_axi_rready_o);

  line_buffer #(.Lines(NumPortals << BufferW), .AddrW(PortalW + BufferW)) u_buffer (
      .clk_i, .we_i(arrive), .waddr_i(fill_addr), .wdata_i(fill_data), .re_i(buffer_re),
      .raddr_i(read_addr), .rdata_o(read_data));

  // ---- Who runs ----

  logic [        NumWorkers-1:0] job_valid, job_ready, follow_valid, follow_ready;
  logic [                 511:0] job_line;
  logic [           DomainW-1:0] job_domain;
  logic [             BankW-1:0] job_bank;
  logic                          job_bad_phase, recall, line_done;
  logic [NumWorkers*PortalW-1:0] worker_portal;
  logic [           PortalW-1:0] recall_idx, done_idx, side_portal;
  logic                          side_valid, side_ready;

  portal_scheduler #(
      .NumPortals(NumPortals), .NumWorkers(NumWorkers), .NumLists(NumLists), .BufferW(BufferW),
      .DomainW(DomainW), .BankW(BankW)
  ) u_scheduler (
      .clk_i, .rst_i(rst), .event_i(event_any), .event_idx_i(event_idx), .arrive_i(arrive),
      .arrive_idx_i(arrive_idx), .done_i(line_done), .done_idx_i(done_idx),
      .waiting_o(run_waiting), .in_hand_o(in_hand), .stalled_o(stalled),
      .s_idx_o(s_idx), .s_live_i(s_live), .s_arrived_i(s_arrived), .s_taken_i(s_taken),
      .s_completion_head_i(s_chead), .s_completion_tail_i(s_ctail), .s_head_i(s_head),
      .s_ring_log2_i(s_ring), .s_domain_i(s_domain), .s_bank_i(s_bank), .s_we_o(s_we),
      .s_widx_o(s_widx), .s_taken_o(s_taken_next), .buffer_re_o(buffer_re),
      .buffer_addr_o(read_addr), .buffer_data_i(read_data),
      .job_valid_o(job_valid), .job_ready_i(job_ready), .job_line_o(job_line),
      .job_domain_o(job_domain), .job_bank_o(job_bank), .job_bad_phase_o(job_bad_phase),
      .worker_portal_o(worker_portal), .follow_valid_o(follow_valid),
      .follow_ready_i(follow_ready), .side_valid_o(side_valid), .side_ready_i(side_ready),
      .side_portal_o(side_portal), .recall_o(recall), .recall_idx_o(recall_idx));

  // ---- Workers, commands, RECALL ----

  logic [        NumSources-1:0] out_valid, out_ready, out_write, out_last;
  logic [                 511:0] out_word[NumSources];
  logic [    NumSources*512-1:0] out_line;
  logic [  NumSources*BankW-1:0] out_bank;
  logic [           PortalW-1:0] recall_portal;
  logic [          15:0]         accepted, answered;
  logic                          stream_recall, stream_recall_busy;
  logic [                   9:0] stream_recall_list;

  logic [          NumPorts-1:0] req_valid, req_ready;
  logic [    NumPorts*BankW-1:0] req_bank;
  logic [        NumPorts*3-1:0] req_op;
  logic [        NumPorts*8-1:0] req_list;
  logic [  NumPorts*DomainW-1:0] req_domain;
  logic [    NumPorts*SlabW-1:0] req_slab;
  logic [   NumPorts*LimitW-1:0] req_limit;
  logic [NumPorts*SlabWidth-1:0] req_mask;
  logic [    NumPorts*SlotW-1:0] req_slot;
  logic [ NumPorts*NumBanks-1:0] rsp_valid;
  logic [    NumBanks*SlotW-1:0] rsp_slot;
  logic [        NumBanks*4-1:0] rsp_status;
  logic [    NumBanks*SlabW-1:0] rsp_slab;
  logic [        NumBanks*2-1:0] rsp_quarter;
  logic [ NumBanks*QuarterW-1:0] rsp_bits;

  logic [         NumErrors-1:0] err_valid, err_ready;
  logic [       NumErrors*4-1:0] err_opcode, err_status;
  logic [      NumErrors*10-1:0] err_list;
  logic [      NumErrors*32-1:0] err_token;
  logic [        NumTellers-1:0] tell_valid, tell_ready, tell_release;
  logic [      NumTellers*8-1:0] tell_list;
  logic [      NumTellers*7-1:0] tell_count;
  logic [        NumWorkers-1:0] cnt_grant_line, cnt_release_line, cnt_empty;
  logic [        NumWorkers-1:0] unused_cnt_refusal;  // error_record counts them
  logic [      NumWorkers*4-1:0] cnt_granted, cnt_released;
  logic [      NumWorkers*5-1:0] cnt_surplus;

  for (genvar w = 0; w < NumWorkers; w++) begin : g_worker
    line_worker #(
        .NumBanks(NumBanks), .NumSlabs(NumSlabs), .SlabWidth(SlabWidth), .NumLists(NumLists),
        .DomainW(DomainW)
    ) u_worker (
`ifdef EXALLOC_UNIT_CLOCKS
        .clk_i(unit_clk_i[w]),
`else
        .clk_i,
`endif
        .rst_i(rst_worker[w]),
        .job_valid_i(job_valid[w]), .job_ready_o(job_ready[w]), .job_line_i(job_line),
        .job_domain_i(job_domain), .job_bank_i(job_bank), .job_bad_phase_i(job_bad_phase),
        .follow_valid_i(follow_valid[w]), .follow_ready_o(follow_ready[w]),
        .out_valid_o(out_valid[w]), .out_ready_i(out_ready[w]), .out_write_o(out_write[w]),
        .out_last_o(out_last[w]), .out_line_o(out_word[w]),
        .out_bank_o(out_bank[w*BankW+:BankW]),
        .req_valid_o(req_valid[w]), .req_ready_i(req_ready[w]),
        .req_bank_o(req_bank[w*BankW+:BankW]), .req_op_o(req_op[w*3+:3]),
        .req_list_o(req_list[w*8+:8]), .req_domain_o(req_domain[w*DomainW+:DomainW]),
        .req_slab_o(req_slab[w*SlabW+:SlabW]), .req_limit_o(req_limit[w*LimitW+:LimitW]),
        .req_mask_o(req_mask[w*SlabWidth+:SlabWidth]), .req_slot_o(req_slot[w*SlotW+:SlotW]),
        .rsp_valid_i(rsp_valid[w*NumBanks+:NumBanks]), .rsp_slot_i(rsp_slot),
        .rsp_status_i(rsp_status), .rsp_slab_i(rsp_slab), .rsp_quarter_i(rsp_quarter),
        .rsp_bits_i(rsp_bits),
        .err_valid_o(err_valid[w]), .err_ready_i(err_ready[w]),
        .err_opcode_o(err_opcode[w*4+:4]), .err_list_o(err_list[w*10+:10]),
        .err_status_o(err_status[w*4+:4]), .err_token_o(err_token[w*32+:32]),
        .tell_valid_o(tell_valid[w]), .tell_ready_i(tell_ready[w]),
        .tell_release_o(tell_release[w]), .tell_list_o(tell_list[w*8+:8]),
        .tell_count_o(tell_count[w*7+:7]),
        .cnt_grant_line_o(cnt_grant_line[w]), .cnt_release_line_o(cnt_release_line[w]),
        .cnt_empty_o(cnt_empty[w]), .cnt_granted_o(cnt_granted[w*4+:4]),
        .cnt_released_o(cnt_released[w*4+:4]), .cnt_surplus_o(cnt_surplus[w*5+:5]),
        .cnt_refusal_o(unused_cnt_refusal[w]));
  end

  recall_unit #(.NumPortals(NumPortals), .BankW(BankW)) u_recall (
      .clk_i, .rst_i(rst), .recall_i(recall), .recall_idx_i(recall_idx),
      .recall_list_i(job_line[exalloc_pkg::SubmissionHeaderListLsb+:10]),
      .recall_cookie_i(job_line[exalloc_pkg::SubmissionHeaderCookieLsb+:16]),
      .recall_bank_i(job_bank), .live_i(live), .stalled_i(stalled), .start_i(event_start),
      .start_idx_i(event_idx), .q_idx_o(q_idx), .q_tail_i(q_tail), .q_head_i(q_head),
      .accepted_i(accepted), .answered_i(answered), .stream_recall_o(stream_recall),
      .stream_recall_list_o(stream_recall_list), .stream_busy_i(stream_recall_busy),
      .out_valid_o(out_valid[NumWorkers]), .out_ready_i(out_ready[NumWorkers]),
      .out_line_o(out_word[NumWorkers]), .out_bank_o(out_bank[NumWorkers*BankW+:BankW]),
      .out_portal_o(recall_portal));
  assign out_write[NumWorkers] = 1'b1;
  assign out_last[NumWorkers]  = 1'b1;

  localparam int unsigned OpsW = $clog2(NumBanks + 1);
  logic [OpsW-1:0] cnt_linked, cnt_taken;
  logic            mon_valid, mon_ready;
  logic [     2:0] mon_kind;
  logic [     7:0] mon_list;
  logic [    31:0] mon_blocks;

  command_sequencer #(
      .NumBanks(NumBanks), .NumSlabs(NumSlabs), .SlabWidth(SlabWidth), .NumLists(NumLists),
      .DomainW(DomainW), .SlotW(SlotW)
  ) u_sequencer (
      .clk_i, .rst_i(rst), .cmd_valid_i(command_start && !lookaside_command),
      .cmd_command_i(command_code),
      .cmd_list_i(command_list), .cmd_domain_i(command_domain[DomainW-1:0]),
      .cmd_slab_i(command_slab), .cmd_count_i(command_count), .cmd_limit_i(command_limit),
      .busy_o(slab_command_busy), .done_o(slab_command_done),
      .result_status_o(slab_result_status), .result_slab_o(slab_result_slab),
      .req_valid_o(req_valid[NumWorkers]), .req_ready_i(req_ready[NumWorkers]),
      .req_bank_o(req_bank[NumWorkers*BankW+:BankW]), .req_op_o(req_op[NumWorkers*3+:3]),
      .req_list_o(req_list[NumWorkers*8+:8]),
      .req_domain_o(req_domain[NumWorkers*DomainW+:DomainW]),
      .req_slab_o(req_slab[NumWorkers*SlabW+:SlabW]),
      .req_limit_o(req_limit[NumWorkers*LimitW+:LimitW]),
      .req_mask_o(req_mask[NumWorkers*SlabWidth+:SlabWidth]),
      .req_slot_o(req_slot[NumWorkers*SlotW+:SlotW]),
      .rsp_valid_i(rsp_valid[NumWorkers*NumBanks+:NumBanks]), .rsp_status_i(rsp_status),
      .rsp_slab_i(rsp_slab), .mon_valid_o(mon_valid), .mon_ready_i(mon_ready),
      .mon_kind_o(mon_kind), .mon_list_o(mon_list), .mon_blocks_o(mon_blocks),
      .cnt_linked_o(cnt_linked), .cnt_taken_o(cnt_taken));

  // ---- Lookaside lists ----

  localparam int unsigned LookasideSource = NumWorkers + 1;  // of lines
  logic lookaside_swept, lookaside_busy, governor_tick, timer_busy;
  logic cnt_lookaside_line, cnt_popped, cnt_pushed, cnt_pass;

  card_timer u_timer (
      .clk_i, .rst_i(rst), .period_i(governor_period), .gated_cycles_i, .tick_o(governor_tick),
      .busy_o(timer_busy));

  lookaside_unit #(
      .NumLists(NumLookaside), .Depth(LookasideDepth), .DomainW(DomainW),
      .BankW(BankW)
  ) u_lookaside (
`ifdef EXALLOC_UNIT_CLOCKS
      .clk_i(unit_clk_i[NumWorkers+NumBanks+1]),
`else
      .clk_i,
`endif
      .rst_i(rst_lookaside), .ready_o(lookaside_swept),
      .job_valid_i(side_valid), .job_ready_o(side_ready), .job_line_i(job_line),
      .job_domain_i(job_domain), .job_bank_i(job_bank), .job_bad_phase_i(job_bad_phase),
      .out_valid_o(out_valid[LookasideSource]), .out_ready_i(out_ready[LookasideSource]),
      .out_write_o(out_write[LookasideSource]), .out_last_o(out_last[LookasideSource]),
      .out_line_o(out_word[LookasideSource]),
      .out_bank_o(out_bank[LookasideSource*BankW+:BankW]),
      .err_valid_o(err_valid[NumWorkers]), .err_ready_i(err_ready[NumWorkers]),
      .err_opcode_o(err_opcode[NumWorkers*4+:4]), .err_list_o(err_list[NumWorkers*10+:10]),
      .err_status_o(err_status[NumWorkers*4+:4]), .err_token_o(err_token[NumWorkers*32+:32]),
      .cmd_valid_i(command_start && lookaside_command), .cmd_command_i(command_code),
      .cmd_list_i(command_list), .cmd_domain_i(command_domain[DomainW-1:0]),
      .cmd_depth_i(command_depth), .cmd_minimum_i(command_minimum),
      .cmd_maximum_i(command_maximum), .cmd_busy_o(lookaside_command_busy),
      .cmd_done_o(lookaside_command_done), .cmd_status_o(lookaside_result_status),
      .tick_i(governor_tick),
      .re_i(lookasides_re), .index_i(lookasides_index), .addr_i(lookasides_addr),
      .rvalid_o(lookasides_rvalid), .rdata_o(lookasides_rdata),
      .cnt_line_o(cnt_lookaside_line), .cnt_popped_o(cnt_popped), .cnt_pushed_o(cnt_pushed),
      .cnt_pass_o(cnt_pass), .busy_o(lookaside_busy));

  // ---- Stream ports ----

  localparam int unsigned StreamPort = NumWorkers + 1;  // the first one at the crossbar
  localparam int unsigned StreamErr  = NumWorkers + 1;
  localparam int unsigned StreamsW   = $clog2(NumStreams + 1);
  logic                stream_busy;
  logic [StreamsW-1:0] cnt_stream_popped, cnt_stream_pushed;

  stream_ports #(
      .NumStreams(NumStreams), .NumBanks(NumBanks), .NumSlabs(NumSlabs), .SlabWidth(SlabWidth),
      .DomainW(DomainW), .SlotW(SlotW)
  ) u_streams (
`ifdef EXALLOC_UNIT_CLOCKS
      .clk_i(unit_clk_i[NumWorkers+NumBanks]),
`else
      .clk_i,
`endif
      .rst_i(rst_streams),
      .m_axis_pop_tdata_o, .m_axis_pop_tvalid_o, .m_axis_pop_tready_i,
      .s_axis_push_tdata_i, .s_axis_push_tvalid_i, .s_axis_push_tready_o,
      .req_valid_o(req_valid[StreamPort+:NumStreams]),
      .req_ready_i(req_ready[StreamPort+:NumStreams]),
      .req_bank_o(req_bank[StreamPort*BankW+:NumStreams*BankW]),
      .req_op_o(req_op[StreamPort*3+:NumStreams*3]),
      .req_list_o(req_list[StreamPort*8+:NumStreams*8]),
      .req_domain_o(req_domain[StreamPort*DomainW+:NumStreams*DomainW]),
      .req_slab_o(req_slab[StreamPort*SlabW+:NumStreams*SlabW]),
      .req_limit_o(req_limit[StreamPort*LimitW+:NumStreams*LimitW]),
      .req_mask_o(req_mask[StreamPort*SlabWidth+:NumStreams*SlabWidth]),
      .req_slot_o(req_slot[StreamPort*SlotW+:NumStreams*SlotW]),
      .rsp_valid_i(rsp_valid[StreamPort*NumBanks+:NumStreams*NumBanks]), .rsp_slot_i(rsp_slot),
      .rsp_status_i(rsp_status), .rsp_slab_i(rsp_slab), .rsp_quarter_i(rsp_quarter),
      .rsp_bits_i(rsp_bits),
      .err_valid_o(err_valid[StreamErr+:NumStreams]),
      .err_ready_i(err_ready[StreamErr+:NumStreams]),
      .err_status_o(err_status[StreamErr*4+:NumStreams*4]),
      .err_list_o(err_list[StreamErr*10+:NumStreams*10]),
      .err_token_o(err_token[StreamErr*32+:NumStreams*32]),
      .tell_valid_o(tell_valid[NumWorkers+:NumStreams]),
      .tell_ready_i(tell_ready[NumWorkers+:NumStreams]),
      .tell_release_o(tell_release[NumWorkers+:NumStreams]),
      .tell_list_o(tell_list[NumWorkers*8+:NumStreams*8]),
      .tell_count_o(tell_count[NumWorkers*7+:NumStreams*7]),
      .recall_i(stream_recall), .recall_list_i(stream_recall_list),
      .recall_busy_o(stream_recall_busy),
      .we_i(streams_we), .wdata_i(streams_wdata), .re_i(streams_re), .index_i(streams_index),
      .addr_i(streams_addr), .rvalid_o(streams_rvalid), .rdata_o(streams_rdata),
      .cnt_popped_o(cnt_stream_popped), .cnt_pushed_o(cnt_stream_pushed), .busy_o(stream_busy));
  assign err_opcode[StreamErr*4+:NumStreams*4] = {NumStreams{exalloc_pkg::OpcodeStream}};

  // ---- The slab engine ----

  logic [          NumBanks-1:0] bank_req_valid, bank_req_ready, bank_rsp_valid, replay;
  logic [        NumBanks*3-1:0] bank_req_op, unused_bank_rsp_op;
  logic [        NumBanks*8-1:0] bank_req_list;
  logic [  NumBanks*DomainW-1:0] bank_req_domain;
  logic [    NumBanks*SlabW-1:0] bank_req_slab, bank_rsp_slab;
  logic [   NumBanks*LimitW-1:0] bank_req_limit;
  logic [NumBanks*SlabWidth-1:0] bank_req_mask, bank_rsp_mask;
  logic [     NumBanks*TagW-1:0] bank_req_tag, bank_rsp_tag;
  logic [        NumBanks*4-1:0] bank_rsp_status;

  slab_crossbar #(
      .NumPorts(NumPorts), .NumBanks(NumBanks), .NumSlabs(NumSlabs), .SlabWidth(SlabWidth),
      .DomainW(DomainW), .SlotW(SlotW)
  ) u_crossbar (
      .clk_i, .rst_i(rst_engine),
      .req_valid_i(req_valid), .req_ready_o(req_ready), .req_bank_i(req_bank), .req_op_i(req_op),
      .req_list_i(req_list), .req_domain_i(req_domain), .req_slab_i(req_slab),
      .req_limit_i(req_limit), .req_mask_i(req_mask), .req_slot_i(req_slot),
      .rsp_valid_o(rsp_valid), .rsp_slot_o(rsp_slot), .rsp_status_o(rsp_status),
      .rsp_slab_o(rsp_slab), .rsp_quarter_o(rsp_quarter), .rsp_bits_o(rsp_bits),
      .bank_req_valid_o(bank_req_valid), .bank_req_ready_i(bank_req_ready),
      .bank_req_op_o(bank_req_op), .bank_req_list_o(bank_req_list),
      .bank_req_domain_o(bank_req_domain), .bank_req_slab_o(bank_req_slab),
      .bank_req_limit_o(bank_req_limit), .bank_req_mask_o(bank_req_mask),
      .bank_req_tag_o(bank_req_tag), .bank_rsp_valid_i(bank_rsp_valid),
      .bank_rsp_tag_i(bank_rsp_tag), .bank_rsp_status_i(bank_rsp_status),
      .bank_rsp_slab_i(bank_rsp_slab), .bank_rsp_mask_i(bank_rsp_mask));

  slab_engine #(
      .NumBanks(NumBanks), .NumSlabs(NumSlabs), .SlabWidth(SlabWidth), .NumLists(NumLists),
      .DomainW(DomainW), .TagW(TagW)
  ) u_engine (
`ifdef EXALLOC_UNIT_CLOCKS
      .bank_clk_i(unit_clk_i[NumWorkers+:NumBanks]),
`endif
      .clk_i, .rst_i(rst_engine), .ready_o(swept),
      .req_valid_i(bank_req_valid), .req_ready_o(bank_req_ready), .req_op_i(bank_req_op),
      .req_list_i(bank_req_list), .req_domain_i(bank_req_domain), .req_slab_i(bank_req_slab),
      .req_limit_i(bank_req_limit), .req_mask_i(bank_req_mask), .req_tag_i(bank_req_tag),
      .rsp_valid_o(bank_rsp_valid), .rsp_op_o(unused_bank_rsp_op), .rsp_tag_o(bank_rsp_tag),
      .rsp_status_o(bank_rsp_status), .rsp_slab_o(bank_rsp_slab), .rsp_mask_o(bank_rsp_mask),
      .replay_o(replay));

  // ---- Completion lines ----

  // By statements: a simulator copies these, but builds a vector of instances' outputs piece by piece.
  always_comb begin
    for (int unsigned s = 0; s < NumSources; s = s + 1) out_line[s*512+:512] = out_word[s];
  end

  logic written, write_empty;

  line_write #(
      .NumPortals(NumPortals), .NumSources(NumSources), .BankW(BankW), .MaxWrites(MaxWrites),
      .CountW(CountW)
  ) u_write (
      .clk_i, .rst_i(rst), .stop_i(stop), .quiet_o(write_quiet), .empty_o(write_empty),
      .src_valid_i(out_valid), .src_ready_o(out_ready), .src_write_i(out_write),
      .src_last_i(out_last), .src_line_i(out_line), .src_bank_i(out_bank),
      .src_portal_i({side_portal, recall_portal, worker_portal}),
      .w_idx_o(w_idx), .w_dead_i(w_dead), .w_tail_i(w_tail), .w_head_i(w_head), .w_base_i(w_base),
      .w_ring_log2_i(w_ring), .w_we_o(w_we), .w_last_o(w_last), .w_widx_o(w_widx),
      .w_tail_o(w_tail_next), .w_head_o(w_head_next), .w_bank_o(w_bank_next),
      .b_idx_o(b_idx), .b_count_i(b_count), .b_we_o(b_we), .b_count_o(b_count_next),
      .done_o(line_done), .done_idx_o(done_idx), .fail_o(write_fail), .fail_idx_o(write_fail_idx),
      .written_o(written), .accepted_o(accepted), .answered_o(answered),
      .m_axi_awaddr_o, .m_axi_awvalid_o, .m_axi_awready_i, .m_axi_wdata_o, .m_axi_wvalid_o,
      .m_axi_wready_i, .m_axi_bresp_i, .m_axi_bvalid_i, .m_axi_bready_o);

  assign m_axi_awid_o    = 1'b0;
  assign m_axi_awlen_o   = 8'd0;
  assign m_axi_awsize_o  = 3'd6;
  assign m_axi_awburst_o = 2'b01;
  assign m_axi_awcache_o = 4'b0011;
  assign m_axi_awprot_o  = 3'b000;
  assign m_axi_wstrb_o   = '1;
  assign m_axi_wlast_o   = 1'b1;
  assign m_axi_arid_o    = 1'b0;
  assign m_axi_arsize_o  = 3'd6;
  assign m_axi_arburst_o = 2'b01;
  assign m_axi_arcache_o = 4'b0011;
  assign m_axi_arprot_o  = 3'b000;

  // ---- Errors ----

  logic               perr_valid, perr_ready, errors_busy;
  logic [        3:0] perr_status;
  logic [PortalW-1:0] perr_portal;

  portal_errors #(.NumPortals(NumPortals)) u_portal_errors (
      .clk_i, .rst_i(rst), .bad_doorbell_i(bad_doorbell), .bad_doorbell_idx_i(bad_doorbell_idx),
      .read_fail_i(read_fail_new), .read_fail_idx_i(arrive_idx), .write_fail_i(write_fail_new),
      .write_fail_idx_i(write_fail_idx), .err_valid_o(perr_valid), .err_ready_i(perr_ready),
      .err_status_o(perr_status), .err_portal_o(perr_portal));

  logic [NumErrors*PortalW-1:0] err_portal;
  always_comb begin
    err_portal = (NumErrors * PortalW)'({side_portal, worker_portal});
    for (int unsigned i = 0; i < NumStreams; i = i + 1) begin
      err_portal[(StreamErr+i)*PortalW+:PortalW] = PortalW'(i);
    end
  end

  logic [9:0] found_list;
  logic [3:0] found_opcode;

  error_record #(
      .NumSources(NumErrors), .PortalW(PortalW), .Depth(exalloc_pkg::ErrorDepth)
  ) u_errors (
      .clk_i, .rst_i(rst), .err_valid_i(err_valid), .err_ready_o(err_ready),
      .err_opcode_i(err_opcode), .err_list_i(err_list), .err_status_i(err_status),
      .err_token_i(err_token), .err_portal_i(err_portal), .portal_valid_i(perr_valid),
      .portal_ready_o(perr_ready), .portal_status_i(perr_status), .portal_portal_i(perr_portal),
      .found_o(error_found), .found_list_o(found_list), .found_opcode_o(found_opcode),
      .pop_i(error_pop_we && error_pop), .valid_o(error_valid),
      .opcode_o(error_opcode), .status_o(error_status), .list_o(error_list),
      .portal_o(error_portal), .token_o(error_token), .lost_o(error_lost), .busy_o(errors_busy));

  // ---- Counters ----

  logic monitor_swept, monitor_busy, cnt_depletion, slab_list_error;
  assign slab_list_error = error_found && found_list < 10'(NumLists) &&
                           ((found_opcode >= exalloc_pkg::OpcodeGrant &&
                             found_opcode <= exalloc_pkg::OpcodeSync) ||
                            found_opcode == exalloc_pkg::OpcodeStream);

  list_monitor #(.NumSources(NumTellers), .NumLists(NumLists)) u_monitor (
      .clk_i, .rst_i(rst), .ready_o(monitor_swept),
      .tell_valid_i(tell_valid), .tell_ready_o(tell_ready), .tell_release_i(tell_release),
      .tell_list_i(tell_list), .tell_count_i(tell_count),
      .mon_valid_i(mon_valid), .mon_ready_o(mon_ready), .mon_kind_i(mon_kind),
      .mon_list_i(mon_list), .mon_blocks_i(mon_blocks),
      .error_i(slab_list_error), .error_list_i(found_list[7:0]),
      .lists_we_i(lists_we), .lists_wdata_i(lists_wdata), .lists_re_i(lists_re),
      .lists_index_i(lists_index), .lists_addr_i(lists_addr), .lists_rvalid_o(lists_rvalid),
      .lists_rdata_o(lists_rdata), .depleted_re_i(depleted_re), .depleted_index_i(depleted_index),
      .depleted_rvalid_o(depleted_rvalid), .depleted_rdata_o(depleted_rdata),
      .depletion_o(depletion), .cnt_depletion_o(cnt_depletion), .busy_o(monitor_busy));

  card_counters #(
      .NumWorkers(NumWorkers), .NumBanks(NumBanks), .NumStreams(NumStreams)
  ) u_counters (
      .clk_i, .rst_i(rst), .gated_cycles_i, .lookaside_line_i(cnt_lookaside_line),
      .popped_i(cnt_popped), .pushed_i(cnt_pushed), .governor_pass_i(cnt_pass),
      .stream_popped_i(cnt_stream_popped), .stream_pushed_i(cnt_stream_pushed),
      .depletion_i(cnt_depletion), .grant_line_i(cnt_grant_line), .granted_i(cnt_granted),
      .release_line_i(cnt_release_line), .released_i(cnt_released), .empty_i(cnt_empty),
      .surplus_i(cnt_surplus), .refusal_i(error_found),
      .recall_i(out_valid[NumWorkers] && out_ready[NumWorkers]), .doorbell_i(doorbell),
      .fetched_i(arrive), .written_i(written), .bank_op_i(bank_rsp_valid), .replay_i(replay),
      .linked_i(cnt_linked), .taken_i(cnt_taken), .re_i(counters_re), .index_i(counters_index),
      .high_i(counters_addr == exalloc_pkg::RegCounterHighOffset), .rdata_o(counters_rdata));

`ifdef EXALLOC_UNIT_CLOCKS
  // An operation is a bank's from its request to its answer. A stream port that pops counts cycles,
  // and one that was recalled waits for many.
  localparam int unsigned UnderwayW = 6;
  localparam int unsigned PauseW    = 13;
  logic [NumBanks-1:0] bank_busy;
  logic [  PauseW-1:0] pause_q;
  logic [NumStreams-1:0] pops_q;
  for (genvar b = 0; b < NumBanks; b++) begin : g_underway
    logic [UnderwayW-1:0] underway_q;
    always_ff @(posedge clk_i) begin
      underway_q <= underway_q + UnderwayW'(bank_req_valid[b] && bank_req_ready[b]) -
                    UnderwayW'(bank_rsp_valid[b]);
      if (rst_engine) underway_q <= '0;
    end
    assign bank_busy[b] = underway_q != '0;
  end
  always_ff @(posedge clk_i) begin
    if (stream_recall || stream_recall_busy) pause_q <= '1;
    else if (pause_q != '0) pause_q <= pause_q - 1'b1;
    for (int unsigned i = 0; i < NumStreams; i = i + 1) begin
      if (streams_we && streams_index == 4'(i) && streams_addr == exalloc_pkg::RegStreamConfigOffset)
        pops_q[i] <= streams_wdata[exalloc_pkg::StreamConfigPopLsb];
    end
    if (rst_streams) begin
      pause_q <= '0;
      pops_q  <= '0;
    end
  end

  unit_activity #(.NumUnits(NumWorkers + NumBanks + 2)) u_activity (
      .clk_i,
      .busy_i({lookaside_busy, stream_busy || pops_q != '0 || pause_q != '0, bank_busy, ~job_ready}),
      .wake_i({rst_lookaside || !lookaside_swept || side_valid || governor_tick || lookasides_re ||
               (command_start && lookaside_command),
               rst_streams || (|s_axis_push_tvalid_i) || (|m_axis_pop_tready_i) || stream_recall ||
               streams_we || streams_re,
               {NumBanks{rst_engine || !swept}} | bank_req_valid,
               rst_worker | job_valid | follow_valid}),
      .active_o(unit_active_o));
`endif

  card_idle #(.NumPortals(NumPortals)) u_idle (
      .clk_i, .rst_i(rst), .portals_i(fetch_waiting | fetching | run_waiting | in_hand),
      .units_i({!ready, stop, starting, slab_command_busy, lookaside_busy || timer_busy,
                stream_busy, monitor_busy, errors_busy, perr_valid, access_busy,
                m_axi_rvalid_i, m_axi_bvalid_i, s_axil_awvalid_i, s_axil_wvalid_i, s_axil_arvalid_i}),
      .idle_o);
  logic unused;
  assign unused = &{1'b0, m_axi_bid_i, m_axi_rid_i, command_domain, depleted_addr, fetch_empty,
                    write_empty};

endmodule

`default_nettype wire
