// portal_table, line_fetch, portal_scheduler and line_write together, with two portals, a host that
// writes what it likes, a bus that answers when and how it likes, and workers that take their time:
// no line is lost, none is answered twice, none is forgotten.
`default_nettype none

module portal_side #(
    parameter int unsigned NumPortals = 2,
    parameter int unsigned NumWorkers = 2,
    parameter int unsigned BufferW    = 2,
    parameter int unsigned MaxBursts  = 4,
    parameter int unsigned MaxWrites  = 4
) (
    input wire                  clk_i,
    input wire                  rst_i,
    input wire                  stop_i,
    // The host, through the register decoder.
    input wire                  host_we_i,
    input wire                  host_re_i,
    input wire [           5:0] host_index_i,
    input wire [           5:0] host_addr_i,
    input wire [          31:0] host_wdata_i,
    // The bus.
    input wire                  arready_i,
    input wire                  rvalid_i,
    input wire                  rlast_i,
    input wire [           1:0] rresp_i,
    input wire                  awready_i,
    input wire                  wready_i,
    input wire                  bvalid_i,
    input wire [           1:0] bresp_i,
    // What lines say, and what the workers do.
    input wire [494:0] line_i,
    input wire [  NumWorkers:0] offer_i,
    input wire [  NumWorkers:0] offer_last_i,
    input wire [  NumWorkers:0] offer_write_i,
    input wire [  NumWorkers:0] proceed_i,
    input wire [NumWorkers-1:0] third_i,
    input wire                  recall_offer_i,
    input wire [           0:0] recall_portal_i
);

  localparam int unsigned PortalW    = $clog2(NumPortals);
  localparam int unsigned PtrW       = BufferW + 1;
  localparam int unsigned Lines      = 1 << BufferW;
  localparam int unsigned QueueDepth = 8;
  localparam int unsigned CountW     = $clog2(MaxWrites + QueueDepth + 4) + 1;
  localparam int unsigned NU         = NumWorkers + 1;  // the lookaside unit is the last of them
  localparam int unsigned NumSources = NU + 1;
  localparam int unsigned NP         = NumPortals;

  logic run_q = 1'b0;
  always_ff @(posedge clk_i) run_q <= 1'b1;
  always_comb if (!run_q) assume (rst_i);

  // Entry p of 16-bit numbers, one a portal.
  function automatic logic [15:0] number(input logic [NP*16-1:0] all, input logic [PortalW-1:0] p);
    number = '0;
    for (int unsigned i = 0; i < NP; i = i + 1) if (32'(p) == i) number = all[i*16+:16];
  endfunction

  // ---- The design ----

  logic               event_any, event_start, doorbell, bad_doorbell, starting;
  logic [PortalW-1:0] event_idx, bad_doorbell_idx;
  logic [     NP-1:0] live, in_hand, fetching, fetch_waiting, run_waiting, stalled;
  logic               read_fail, write_fail, read_fail_new, write_fail_new;
  logic [PortalW-1:0] arrive_idx, write_fail_idx;
  logic [PortalW-1:0] f_idx, f_widx, s_idx, s_widx, w_idx, w_widx, b_idx;
  logic               f_live, f_we, s_live, s_we, w_dead, w_we, w_last, b_we, arrive;
  logic [       15:0] f_ptr, f_tail, f_ptr_next, s_chead, s_ctail, s_head, w_tail, w_head;
  logic [       15:0] w_tail_next, w_head_next, q_tail, q_head;
  logic [  BufferW:0] f_taken, arrive_ptr, s_arrived, s_taken, s_taken_next;
  logic [       63:0] f_base, w_base;
  logic [        3:0] f_ring, s_ring, w_ring;
  logic [        0:0] s_domain;
  logic [        0:0] s_bank, w_bank_next;
  logic [ CountW-1:0] b_count, b_count_next;
  logic [       31:0] host_rdata;

  portal_table #(
      .NumPortals(NumPortals), .BufferW(BufferW), .DomainW(1), .BankW(1), .CountW(CountW)
  ) u_table (
      .clk_i, .rst_i,
      .host_we_i, .host_re_i, .host_index_i, .host_addr_i, .host_wdata_i,
      .host_rdata_o(host_rdata), .event_o(event_any), .start_o(event_start),
      .event_idx_o(event_idx), .doorbell_o(doorbell),
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
      .q_idx_i('0), .q_tail_o(q_tail), .q_head_o(q_head));

  logic [PortalW+BufferW-1:0] fill_addr, read_addr;
  logic                       buffer_re, fetch_empty, fetch_quiet;
  logic [              511:0] fill_data;
  logic [               63:0] araddr;
  logic [                7:0] arlen;
  logic                       arvalid, rready;

  line_fetch #(.NumPortals(NumPortals), .BufferW(BufferW), .MaxBursts(MaxBursts)) u_fetch (
      .clk_i, .rst_i, .stop_i, .quiet_o(fetch_quiet), .empty_o(fetch_empty),
      .event_i(event_any), .event_idx_i(event_idx), .taken_i(s_we), .taken_idx_i(s_widx),
      .waiting_o(fetch_waiting), .fetching_o(fetching),
      .f_idx_o(f_idx), .f_live_i(f_live), .f_ptr_i(f_ptr), .f_tail_i(f_tail), .f_taken_i(f_taken),
      .f_base_i(f_base), .f_ring_log2_i(f_ring), .f_we_o(f_we), .f_widx_o(f_widx),
      .f_ptr_o(f_ptr_next), .arrive_o(arrive), .arrive_idx_o(arrive_idx),
      .arrive_ptr_o(arrive_ptr), .fail_o(read_fail), .buffer_addr_o(fill_addr),
      .buffer_data_o(fill_data),
      .m_axi_araddr_o(araddr), .m_axi_arlen_o(arlen), .m_axi_arvalid_o(arvalid),
      .m_axi_arready_i(arready_i), .m_axi_rdata_i(512'(bus_tag)), .m_axi_rresp_i(rresp_i),
      .m_axi_rlast_i(rlast_i), .m_axi_rvalid_i(rvalid_i), .m_axi_rready_o(rready));

  // The line buffer; of a line's bits only those that tell which line of which portal it is.
  localparam int unsigned TagW = PortalW + 16;
  logic [TagW-1:0] bus_tag, read_tag_q, out_tag_q;
  logic [TagW-1:0] buffer[NP << BufferW];
  always_ff @(posedge clk_i) begin
    if (arrive) buffer[fill_addr] <= fill_data[TagW-1:0];
    if (buffer_re) begin
      read_tag_q <= buffer[read_addr];
      out_tag_q  <= read_tag_q;
    end
  end

  logic [        NumWorkers-1:0] job_valid, job_ready, follow_valid, follow_ready;
  logic [        NU*PortalW-1:0] unit_portal;
  logic                          side_valid, side_ready;
  logic [           PortalW-1:0] side_portal;
  logic [                 511:0] job_line;
  logic [                   0:0] job_domain, job_bank;
  logic                          job_bad_phase, recall, line_done;
  logic [NumWorkers*PortalW-1:0] worker_portal;
  logic [           PortalW-1:0] recall_idx, done_idx;

  portal_scheduler #(
      .NumPortals(NumPortals), .NumWorkers(NumWorkers), .NumLists(255), .BufferW(BufferW),
      .DomainW(1), .BankW(1)
  ) u_scheduler (
      .clk_i, .rst_i, .event_i(event_any), .event_idx_i(event_idx), .arrive_i(arrive),
      .arrive_idx_i(arrive_idx), .done_i(line_done), .done_idx_i(done_idx),
      .waiting_o(run_waiting), .in_hand_o(in_hand), .stalled_o(stalled),
      .s_idx_o(s_idx), .s_live_i(s_live), .s_arrived_i(s_arrived), .s_taken_i(s_taken),
      .s_completion_head_i(s_chead), .s_completion_tail_i(s_ctail), .s_head_i(s_head),
      .s_ring_log2_i(s_ring), .s_domain_i(s_domain), .s_bank_i(s_bank), .s_we_o(s_we),
      .s_widx_o(s_widx), .s_taken_o(s_taken_next), .buffer_re_o(buffer_re),
      .buffer_addr_o(read_addr), .buffer_data_i({out_tag_q, line_i}),
      .job_valid_o(job_valid), .job_ready_i(job_ready), .job_line_o(job_line),
      .job_domain_o(job_domain), .job_bank_o(job_bank), .job_bad_phase_o(job_bad_phase),
      .worker_portal_o(worker_portal), .follow_valid_o(follow_valid),
      .follow_ready_i(follow_ready), .side_valid_o(side_valid), .side_ready_i(side_ready),
      .side_portal_o(side_portal), .recall_o(recall), .recall_idx_o(recall_idx));

  logic [NumSources-1:0]     out_valid, out_ready, out_write, out_last;
  logic [NumSources*512-1:0] out_line;
  logic [PortalW-1:0] recall_portal;
  logic [NumSources*PortalW-1:0] out_portal;
  assign out_portal = {recall_portal, unit_portal};
  logic                      write_quiet, write_empty, written;
  logic [15:0]               accepted, answered;
  logic [63:0]               awaddr;
  logic [511:0]              wdata;
  logic                      awvalid, wvalid, bready;

  line_write #(
      .NumPortals(NumPortals), .NumSources(NumSources), .BankW(1), .MaxWrites(MaxWrites),
      .QueueDepth(QueueDepth), .CountW(CountW)
  ) u_write (
      .clk_i, .rst_i, .stop_i, .quiet_o(write_quiet), .empty_o(write_empty),
      .src_valid_i(out_valid), .src_ready_o(out_ready), .src_write_i(out_write),
      .src_last_i(out_last), .src_line_i(out_line), .src_bank_i('0),
      .src_portal_i(out_portal),
      .w_idx_o(w_idx), .w_dead_i(w_dead), .w_tail_i(w_tail), .w_head_i(w_head), .w_base_i(w_base),
      .w_ring_log2_i(w_ring), .w_we_o(w_we), .w_last_o(w_last), .w_widx_o(w_widx),
      .w_tail_o(w_tail_next), .w_head_o(w_head_next), .w_bank_o(w_bank_next),
      .b_idx_o(b_idx), .b_count_i(b_count), .b_we_o(b_we), .b_count_o(b_count_next),
      .done_o(line_done), .done_idx_o(done_idx), .fail_o(write_fail), .fail_idx_o(write_fail_idx),
      .written_o(written), .accepted_o(accepted), .answered_o(answered),
      .m_axi_awaddr_o(awaddr), .m_axi_awvalid_o(awvalid), .m_axi_awready_i(awready_i),
      .m_axi_wdata_o(wdata), .m_axi_wvalid_o(wvalid), .m_axi_wready_i(wready_i),
      .m_axi_bresp_i(bresp_i), .m_axi_bvalid_i(bvalid_i), .m_axi_bready_o(bready));
  // A completion line says whose it is and how many lines its portal was told before it.
  logic [NP*16-1:0] told_q;
  always_comb begin
    out_line = '0;
    for (int unsigned s = 0; s < NumSources; s = s + 1) begin
      out_line[s*512+512-TagW+:TagW] = {out_portal[s*PortalW+:PortalW], number(told_q, out_portal[s*PortalW+:PortalW])};
    end
  end

  // ---- The surroundings ----

  // The host's accesses are 3 cycles apart.
  logic [1:0] since_q;
  always_ff @(posedge clk_i) since_q <= rst_i ? 2'b00 : {since_q[0], host_we_i || host_re_i};
  always_comb assume (!(host_we_i && host_re_i) && (since_q == '0 || !(host_we_i || host_re_i)));

  // A worker with a job offers one line after the other, at most 8, and keeps each until it is
  // taken; the last one ends the job. What comes of a line left to follow is offered some time after
  // that, in the next cycle at the earliest.
  logic [NU-1:0]   busy_q, next_q, offer_q, last_q, write_q;
  logic [NU*4-1:0] lines_q;  // lines taken
  logic [NU-1:0]           unit_take, unit_follow;
  always_ff @(posedge clk_i) begin
    for (int unsigned w = 0; w < NU; w = w + 1) begin
      if (unit_take[w] || (next_q[w] && !busy_q[w] && proceed_i[w])) begin
        busy_q[w]       <= 1'b1;
        next_q[w]       <= 1'b0;
        lines_q[w*4+:4] <= '0;
      end
      if (unit_follow[w]) next_q[w] <= 1'b1;
      if (busy_q[w] && !offer_q[w]) begin
        offer_q[w] <= offer_i[w];
        last_q[w]  <= offer_last_i[w] || lines_q[w*4+:4] == 4'd7;
        write_q[w] <= offer_write_i[w] || !(offer_last_i[w] || lines_q[w*4+:4] == 4'd7);
      end
      if (out_ready[w]) begin
        offer_q[w]      <= 1'b0;
        lines_q[w*4+:4] <= lines_q[w*4+:4] + 4'd1;
        if (last_q[w]) begin
          busy_q[w] <= next_q[w] && proceed_i[w];
          if (next_q[w] && proceed_i[w]) begin
            next_q[w]       <= 1'b0;
            lines_q[w*4+:4] <= '0;
            offer_q[w]      <= offer_i[w];
            last_q[w]       <= offer_last_i[w];
            write_q[w]      <= offer_write_i[w] || !offer_last_i[w];
          end
        end
      end
    end
    if (rst_i) begin
      busy_q  <= '0;
      next_q  <= '0;
      offer_q <= '0;
    end
  end
  assign {side_ready, job_ready} = ~busy_q & ~next_q;
  // It may say so of a third line, too, which nobody may have for it then.
  assign follow_ready = busy_q[NumWorkers-1:0] & (~next_q[NumWorkers-1:0] | third_i);
  assign unit_follow  = {1'b0, follow_valid};
  assign unit_take   = {side_valid && side_ready, job_valid};
  assign unit_portal = {side_portal, worker_portal};

  // RECALL lines are answered in any order.
  logic [NP-1:0] recalls_q;
  logic          recall_offer_q;
  always_ff @(posedge clk_i) begin
    if (!recall_offer_q) begin
      recall_offer_q <= recall_offer_i && recalls_q[recall_portal_i];
      recall_portal  <= recall_portal_i;
    end
    if (out_ready[NU]) begin
      recall_offer_q           <= 1'b0;
      recalls_q[recall_portal] <= 1'b0;
    end
    if (recall) recalls_q[recall_idx] <= 1'b1;
    if (rst_i) begin
      recalls_q      <= '0;
      recall_offer_q <= 1'b0;
    end
  end
  assign out_valid = {recall_offer_q, offer_q};
  assign out_write = {1'b1, write_q};
  assign out_last  = {1'b1, last_q};

`ifdef FV_GUIDED
  // To find faults sooner: both portals are opened and rung for, and the bus answers at once, until
  // lines are with the workers. From there all inputs are free.
  localparam logic [5:0] GuideEnd = 6'd32;
  logic [5:0] guide_q = '0;
  always_ff @(posedge clk_i) if (guide_q != GuideEnd) guide_q <= guide_q + 1'b1;
  always_comb begin
    if (guide_q != GuideEnd) begin
      assume (rst_i == (guide_q == '0) && !stop_i && !host_re_i && !recall_offer_i &&
              recall_portal_i == '0 && line_i == '0 &&
              offer_i == '0 && proceed_i == '0 && third_i == '0 && offer_last_i == '0 && offer_write_i == '0);
      assume (arready_i && awready_i && wready_i && rresp_i == '0 && bresp_i == '0);
      assume (rvalid_i == (on_bus_q != '0) && bvalid_i == (aw_n != '0 && w_n != '0));
      assume (host_we_i == (guide_q == 6'd2 || guide_q == 6'd5 || guide_q == 6'd9 || guide_q == 6'd12));
      assume (host_index_i == 6'(guide_q == 6'd5 || guide_q == 6'd12));
      assume (host_addr_i == (guide_q <= 6'd5 ? exalloc_pkg::RegPortalConfigOffset : exalloc_pkg::RegDoorbellOffset));
      // A ring of 16 lines; 3 lines are rung for.
      assume (host_wdata_i == (guide_q <= 6'd5 ? 32'h0000_0401 : 32'd3));
    end
  end
`endif

  // ---- The inside ----

  (* hierconn *) logic [NP-1:0] \u_table.enable_q ;
  (* hierconn *) logic [NP-1:0] \u_table.start_q ;
  (* hierconn *) logic [NP-1:0] \u_table.failed_q ;
  (* hierconn *) logic [NP-1:0] \u_table.dead_q ;
  (* hierconn *) logic [NP*16-1:0] \u_table.u_tail.fv_values ;
  (* hierconn *) logic [NP*16-1:0] \u_table.u_completion_head.fv_values ;
  (* hierconn *) logic [NP*16-1:0] \u_table.u_completion_tail.fv_values ;
  (* hierconn *) logic [NP*16-1:0] \u_table.u_head.fv_values ;
  (* hierconn *) logic [NP*16-1:0] \u_table.u_ptr.fv_values ;
  (* hierconn *) logic [NP*PtrW-1:0] \u_table.u_arrived.fv_values ;
  (* hierconn *) logic [NP*PtrW-1:0] \u_table.u_taken.fv_values ;
  (* hierconn *) logic [NP*CountW-1:0] \u_table.u_count.fv_values ;
  (* hierconn *) logic [NP*4-1:0] \u_table.u_ring.fv_values ;
  (* hierconn *) logic [NP*5-1:0] \u_table.u_config.fv_values ;
  logic [NP-1:0]     enable_q, start_q, failed_q, dead_q;
  logic [NP*16-1:0]  tails, cheads, ctails, heads, ptrs;
  logic [NP*PtrW-1:0] arriveds, takens;
  logic [NP*CountW-1:0] counts;
  logic [NP*4-1:0]   rings;
  logic [NP*5-1:0]   configs;
  assign enable_q = \u_table.enable_q ;
  assign start_q  = \u_table.start_q ;
  assign failed_q = \u_table.failed_q ;
  assign dead_q   = \u_table.dead_q ;
  assign tails    = \u_table.u_tail.fv_values ;
  assign cheads   = \u_table.u_completion_head.fv_values ;
  assign ctails   = \u_table.u_completion_tail.fv_values ;
  assign heads    = \u_table.u_head.fv_values ;
  assign ptrs     = \u_table.u_ptr.fv_values ;
  assign arriveds = \u_table.u_arrived.fv_values ;
  assign takens   = \u_table.u_taken.fv_values ;
  assign counts   = \u_table.u_count.fv_values ;
  assign rings    = \u_table.u_ring.fv_values ;
  assign configs  = \u_table.u_config.fv_values ;

  (* hierconn *) logic \u_table.h1_we_q , \u_table.h2_we_q , \u_table.h2_scan_q ;
  (* hierconn *) logic \u_table.h2_drained , \u_table.h2_enable_q , \u_table.h2_failed_q ;
  (* hierconn *) logic \u_table.h3_start_q , \u_table.h3_doorbell_q , \u_table.h3_config_q ;
  (* hierconn *) logic \u_table.h3_base_q ;
  (* hierconn *) logic [PortalW-1:0] \u_table.h2_idx_q , \u_table.h3_idx_q ;
  (* hierconn *) logic [31:0] \u_table.h3_wdata_q ;
  (* hierconn *) logic [15:0] \u_table.h2_head , \u_table.h2_completion_tail ;
  (* hierconn *) logic [15:0] \u_table.h2_tail_q , \u_table.h2_completion_head_q ;
  (* hierconn *) logic [15:0] \u_table.h3_ahead_q , \u_table.h3_old_ahead_q ;
  (* hierconn *) logic [15:0] \u_table.h3_consumed_q , \u_table.h3_unread_q ;
  (* hierconn *) logic [10:0] \u_table.h3_size_q ;
  (* hierconn *) logic [3:0]  \u_table.h2_ring_q ;

  (* hierconn *) logic \u_table.h1_scan_q ;
  (* hierconn *) logic [PortalW-1:0] \u_table.scan_idx_q , \u_table.h1_idx_q ;

  // line_fetch
  (* hierconn *) logic \u_fetch.pick ;
  (* hierconn *) logic [NP-1:0] \u_fetch.onehot , \u_fetch.turn_onehot ;
  (* hierconn *) logic \u_fetch.turn , \u_fetch.quick_q ;
  (* hierconn *) logic [PortalW-1:0] \u_fetch.turn_idx , \u_fetch.quick_idx_q ;
  (* hierconn *) logic \u_fetch.p1_q , \u_fetch.p2_q , \u_fetch.p3_q ;
  (* hierconn *) logic [PortalW-1:0] \u_fetch.p1_idx_q , \u_fetch.p2_idx_q , \u_fetch.p3_idx_q ;
  (* hierconn *) logic \u_fetch.p1_live_q , \u_fetch.p2_live_q , \u_fetch.p3_go_q ;
  (* hierconn *) logic \u_fetch.p3_more_q ;
  (* hierconn *) logic [15:0] \u_fetch.p1_ptr_q , \u_fetch.p2_ptr_q , \u_fetch.p3_ptr_q ;
  (* hierconn *) logic [15:0] \u_fetch.p3_next_q , \u_fetch.p1_tail_q , \u_fetch.p2_left_q ;
  (* hierconn *) logic [15:0] \u_fetch.p2_size_q ;
  (* hierconn *) logic [PtrW-1:0] \u_fetch.p1_taken_q , \u_fetch.p2_room_q ;
  (* hierconn *) logic [3:0] \u_fetch.p1_ring_q ;
  (* hierconn *) logic [2:0] \u_fetch.p3_count_q ;
  (* hierconn *) logic \u_fetch.issue , \u_fetch.done , \u_fetch.r_q , \u_fetch.r_last_q ;
  (* hierconn *) logic [1:0] \u_fetch.beat_q ;
  (* hierconn *) logic [2:0] \u_fetch.bus_q ;
  (* hierconn *) logic [2:0] \u_fetch.u_record.count_q ;
  (* hierconn *) logic [3:0] \u_fetch.u_ar.count_q ;
  (* hierconn *) logic \u_fetch.u_record.full_q , \u_fetch.u_record.some_q ;
  (* hierconn *) logic \u_fetch.u_ar.full_q , \u_fetch.u_ar.some_q , \u_fetch.u_ar.get ;
  (* hierconn *) logic [PortalW+PtrW-1:0] \u_fetch.u_record.out_data_o ;
  (* hierconn *) logic [59:0] \u_fetch.u_ar.out_data_o ;

  // The queues keep order (proved of sync_fifo): what comes out is what went in first.
  localparam int unsigned RecW = PortalW + 19;
  logic [MaxBursts*RecW-1:0] rec_q, rec_d;      // {portal, pointer, lines}, the oldest lowest
  logic [2:0]                rec_n, rec_n_d;
  logic [MaxBursts*2-1:0]    arq_q, arq_d;      // lengths that wait for AR
  logic [3:0]                arq_n, arq_n_d;
  always_comb begin
    rec_d   = rec_q;
    rec_n_d = rec_n;
    if (\u_fetch.done && rec_n != '0) begin
      rec_d   = rec_d >> RecW;
      rec_n_d = rec_n_d - 1'b1;
    end
    if (\u_fetch.issue ) begin
      for (int unsigned i = 0; i < MaxBursts; i = i + 1) begin
        if (rec_n_d == 3'(i)) begin
          rec_d[i*RecW+:RecW] = {\u_fetch.p3_idx_q , \u_fetch.p3_ptr_q ,
                                 \u_fetch.p3_count_q };
        end
      end
      rec_n_d = rec_n_d + 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    rec_q <= rec_d;
    rec_n <= rst_i ? '0 : rec_n_d;
  end
  assign arq_n = \u_fetch.u_ar.count_q ;

  logic [2:0] ar_on_bus;  // AR taken, its last line not yet
  logic [2:0] on_bus_q;
  logic [1:0] in_beat_q;  // lines of the burst at the bus that have come
  logic [2:0] at_bus;     // the record of the burst at the bus
  logic [RecW-1:0] rec_at_bus;
  logic [2:0] lines_at_bus;
  assign at_bus = 3'(\u_fetch.r_q && \u_fetch.r_last_q );
  assign rec_at_bus = at_bus == '0 ? rec_q[RecW-1:0] : rec_q[2*RecW-1:RecW];
  assign lines_at_bus = rec_at_bus[2:0];
  assign bus_tag = {rec_at_bus[RecW-1:19], rec_at_bus[18:3] + 16'(in_beat_q)};
  always_ff @(posedge clk_i) begin
    on_bus_q <= on_bus_q + 3'(arvalid && arready_i) - 3'(rvalid_i && rready && rlast_i);
    if (rvalid_i && rready) in_beat_q <= rlast_i ? '0 : in_beat_q + 1'b1;
    if (rst_i) begin
      on_bus_q  <= '0;
      in_beat_q <= '0;
    end
  end
  always_comb begin
    assume (!rvalid_i || on_bus_q != '0);
    assume (!rvalid_i || rlast_i == (3'(in_beat_q) + 3'd1 == lines_at_bus));
  end
  // The AR queue's lengths are those of the last records.
  logic [2:0] ar_index;
  assign ar_index = rec_n - 3'(arq_n);
  logic [1:0] ar_front;
  always_comb begin
    ar_front = '0;
    for (int unsigned i = 0; i < MaxBursts; i = i + 1) begin
      if (ar_index == 3'(i)) ar_front = rec_q[i*RecW+:2] - 2'd1;
    end
  end
  always_comb begin
    assume (\u_fetch.u_record.out_data_o == {rec_q[RecW-1:19], rec_q[3+:PtrW]} || rec_n == '0);
    assume (\u_fetch.u_ar.out_data_o [1:0] == ar_front || arq_n == '0);
  end

  (* hierconn *) logic [NP-1:0] \u_fetch.u_picker.round_q , \u_scheduler.u_picker.round_q ;
  (* hierconn *) logic [511:0] \u_fetch.r_data_q ;
  // portal_scheduler
  (* hierconn *) logic \u_scheduler.pick ;
  (* hierconn *) logic [NP-1:0] \u_scheduler.onehot , \u_scheduler.turn_onehot ;
  (* hierconn *) logic \u_scheduler.turn , \u_scheduler.quick_q ;
  (* hierconn *) logic [PortalW-1:0] \u_scheduler.turn_idx , \u_scheduler.quick_idx_q ;
  (* hierconn *) logic \u_scheduler.p1_q , \u_scheduler.p2_q , \u_scheduler.p3_q ;
  (* hierconn *) logic [PortalW-1:0] \u_scheduler.p1_idx_q , \u_scheduler.p2_idx_q ;
  (* hierconn *) logic [PortalW-1:0] \u_scheduler.p3_idx_q , \u_scheduler.job_idx_q ;
  (* hierconn *) logic \u_scheduler.p1_live_q , \u_scheduler.p2_live_q , \u_scheduler.p2_line_q ;
  (* hierconn *) logic \u_scheduler.p3_go_q , \u_scheduler.p3_stall_q ;
  (* hierconn *) logic \u_scheduler.job_recall_q , \u_scheduler.job_worker_q , \u_scheduler.job_side_q ;
  logic job_q;
  assign job_q = \u_scheduler.job_recall_q || \u_scheduler.job_worker_q || \u_scheduler.job_side_q ||
                 follow_valid != '0;
  (* hierconn *) logic [NP-1:0] \u_scheduler.looking_q , \u_scheduler.held_q , \u_scheduler.two_q ;
  (* hierconn *) logic \u_scheduler.p1_ahead_q , \u_scheduler.p2_ahead_q , \u_scheduler.p3_ahead_q ;
  (* hierconn *) logic [NumWorkers-1:0] \u_scheduler.p3_match_q ;
  (* hierconn *) logic [PtrW-1:0] \u_scheduler.p1_arrived_q , \u_scheduler.p1_taken_q ;
  (* hierconn *) logic [PtrW-1:0] \u_scheduler.p2_taken_q , \u_scheduler.p3_taken_q ;
  (* hierconn *) logic [15:0] \u_scheduler.p1_chead_q , \u_scheduler.p1_ctail_q ;
  (* hierconn *) logic [15:0] \u_scheduler.p2_used_q , \u_scheduler.p1_head_q ;
  (* hierconn *) logic [3:0] \u_scheduler.p1_ring_q ;
  (* hierconn *) logic [15:0] \u_scheduler.p2_most_q ;

  // line_write
  (* hierconn *) logic \u_write.w1_q , \u_write.w2_q , \u_write.w3_q , \u_write.w1_last_q ;
  (* hierconn *) logic \u_write.w2_last_q , \u_write.w1_write_q , \u_write.live_write ;
  (* hierconn *) logic \u_write.w2_write_q , \u_write.w2_dead_q ;
  (* hierconn *) logic [PortalW-1:0] \u_write.w1_idx_q , \u_write.w2_idx_q , \u_write.w3_idx_q ;
  (* hierconn *) logic [15:0] \u_write.w2_tail_q , \u_write.w2_head_q ;
  (* hierconn *) logic [NumSources-1:0] \u_write.grant_q ;
  (* hierconn *) logic \u_write.pop , \u_write.b_q , \u_write.queue_ready ;
  (* hierconn *) logic [3:0] \u_write.u_queue.count_q ;
  (* hierconn *) logic [2:0] \u_write.u_record.count_q ;


  // ---- Where each portal is ----

  function automatic logic is(input valid, input logic [PortalW-1:0] idx, input int unsigned p);
    is = valid && 32'(idx) == p;
  endfunction

  // Where the lines in line_write come from.
  logic [NumSources-1:0] src1_q, src2_q;
  always_ff @(posedge clk_i) begin
    src1_q <= rst_i ? '0 : \u_write.grant_q ;
    src2_q <= rst_i ? '0 : src1_q;
  end

  logic [NP-1:0] f_stage, f_one, f_locked_ok, f_quick_ok;       // line_fetch
  logic [NP-1:0] s_stage, s_one, held, s_hand_ok, s_quick_ok;   // portal_scheduler
  logic [NP-1:0] looking, two, s_we_p, next_look, s_same;
  logic [NP*2-1:0] hands;      // lines in hand
  logic [3:0]    from_n;
  logic [NP-1:0] w_held;
  logic [3:0]    f_n, s_n, h_n;
  always_comb begin
    for (int unsigned p = 0; p < NP; p = p + 1) begin
      f_n = 4'(is(\u_fetch.p1_q , \u_fetch.p1_idx_q , p)) +
            4'(is(\u_fetch.p2_q , \u_fetch.p2_idx_q , p)) +
            4'(is(\u_fetch.p3_q , \u_fetch.p3_idx_q , p));
      f_one[p]   = f_n + 4'(\u_fetch.onehot [p]) <= 4'd1;
      f_stage[p] = f_n != '0;
      f_locked_ok[p] = (!f_stage[p] || fetching[p]) &&
                       (!fetching[p] || f_stage[p] || \u_fetch.onehot [p]) &&
                       !(fetching[p] && \u_fetch.u_picker.round_q [p]) &&
                       !(\u_fetch.onehot [p] && \u_fetch.u_picker.round_q [p]);
      // A round and the way past it hold who asked, never the same one.
      f_quick_ok[p] = (!\u_fetch.u_picker.round_q [p] || fetch_waiting[p]) &&
                      (!\u_fetch.turn_onehot [p] || fetch_waiting[p] || fetching[p]) &&
                      (!is(\u_fetch.quick_q , \u_fetch.quick_idx_q , p) ||
                       (!\u_fetch.u_picker.round_q [p] && !\u_fetch.turn_onehot [p] &&
                        (fetching[p] ? !\u_fetch.turn : fetch_waiting[p])));
      s_n = 4'(is(\u_scheduler.p1_q , \u_scheduler.p1_idx_q , p)) +
            4'(is(\u_scheduler.p2_q , \u_scheduler.p2_idx_q , p)) +
            4'(is(\u_scheduler.p3_q , \u_scheduler.p3_idx_q , p));
      h_n = 4'(is(job_q , \u_scheduler.job_idx_q , p)) + 4'(recalls_q[p]) +
            4'(is(\u_write.w1_q && \u_write.w1_last_q , \u_write.w1_idx_q , p)) +
            4'(is(\u_write.w2_q && \u_write.w2_last_q , \u_write.w2_idx_q , p));
      for (int unsigned w = 0; w < NU; w = w + 1) begin
        h_n = h_n + 4'(is(busy_q[w], unit_portal[w*PortalW+:PortalW], p)) +
              4'(is(next_q[w], unit_portal[w*PortalW+:PortalW], p));
      end
      held[p]    = h_n != '0;
      hands[p*2+:2] = h_n[1:0];
      // Two lines of a portal are of one worker: in it, to follow there, or ended there just now.
      s_same[p] = h_n <= 4'd1;
      for (int unsigned w = 0; w < NumWorkers; w = w + 1) begin
        from_n = 4'(is(busy_q[w], unit_portal[w*PortalW+:PortalW], p)) +
              4'(is(next_q[w], unit_portal[w*PortalW+:PortalW], p)) +
              4'(is(follow_valid[w], \u_scheduler.job_idx_q , p)) +
              4'(is(src1_q[w] && \u_write.w1_last_q , \u_write.w1_idx_q , p)) +
              4'(is(src2_q[w] && \u_write.w2_last_q , \u_write.w2_idx_q , p));
        if (h_n == 4'd2 && from_n == 4'd2) s_same[p] = 1'b1;
        if (next_q[w] && busy_q[w] && is(1'b1, unit_portal[w*PortalW+:PortalW], p) && from_n != 4'd2) s_same[p] = 1'b0;
        // A line to follow goes to the worker that has the one before, or had it a cycle ago.
        if (is(follow_valid[w], \u_scheduler.job_idx_q , p) &&
            !(is(!next_q[w], unit_portal[w*PortalW+:PortalW], p) && h_n == 4'd2 && from_n == 4'd2 &&
              (busy_q[w] || (src1_q[w] && \u_write.w1_last_q )))) s_same[p] = 1'b0;
        if (\u_scheduler.p3_q && \u_scheduler.p3_match_q [w] &&
            unit_portal[w*PortalW+:PortalW] != \u_scheduler.p3_idx_q ) s_same[p] = 1'b0;
      end
      s_we_p[p]  = is(s_we, s_widx, p);
      next_look[p]   = is(\u_scheduler.p1_q && \u_scheduler.p1_ahead_q , \u_scheduler.p1_idx_q , p) ||
                   is(\u_scheduler.p2_q && \u_scheduler.p2_ahead_q , \u_scheduler.p2_idx_q , p) ||
                   is(\u_scheduler.p3_q && \u_scheduler.p3_ahead_q , \u_scheduler.p3_idx_q , p);
      looking[p] = \u_scheduler.looking_q [p];
      two[p]     = \u_scheduler.two_q [p];
      s_stage[p] = s_n != '0;
      // A portal is looked at once at a time; with a line in hand, for the one that follows it.
      s_one[p]   = s_n + 4'(s_we_p[p]) + 4'(\u_scheduler.onehot [p]) <= 4'd1 && h_n <= 4'd2 &&
                   (!\u_scheduler.onehot [p] || h_n <= 4'd1) &&
                   (!s_stage[p] || h_n <= 4'(next_look[p])) && (!next_look[p] || held[p] || run_waiting[p]);
      s_hand_ok[p] = (!(s_stage[p] || s_we_p[p]) || looking[p]) &&
                     (!looking[p] || s_stage[p] || s_we_p[p] || \u_scheduler.onehot [p]) &&
                     (in_hand[p] == (looking[p] || held[p])) &&
                     \u_scheduler.held_q [p] == held[p] && two[p] == (h_n == 4'd2) &&
                     !((looking[p] || two[p]) && \u_scheduler.u_picker.round_q [p]) &&
                     !(\u_scheduler.onehot [p] && \u_scheduler.u_picker.round_q [p]);
      s_quick_ok[p] = (!\u_scheduler.u_picker.round_q [p] || run_waiting[p]) &&
                      (!\u_scheduler.turn_onehot [p] || run_waiting[p] || looking[p]) &&
                      (!is(\u_scheduler.quick_q , \u_scheduler.quick_idx_q , p) ||
                       (!\u_scheduler.u_picker.round_q [p] && !\u_scheduler.turn_onehot [p] && !two[p] &&
                        (looking[p] ? !\u_scheduler.turn : run_waiting[p])));
    end
  end

  // The portal configured in the cycle before.
  logic [NP-1:0] configured_q;
  always_ff @(posedge clk_i) begin
    configured_q <= '0;
    if (\u_table.h3_config_q ) configured_q[\u_table.h3_idx_q ] <= 1'b1;
    if (rst_i) configured_q <= '0;
  end

  // Completion lines that wait for the bus or for its answer, the oldest lowest.
  (* hierconn *) logic [PortalW-1:0] \u_write.record_idx , \u_write.queue_idx ;
  (* hierconn *) logic \u_write.room_q , \u_write.record_valid ;
  (* hierconn *) logic \u_write.u_queue.full_q , \u_write.u_queue.some_q ;
  (* hierconn *) logic \u_write.u_record.full_q , \u_write.u_record.some_q ;
  (* hierconn *) logic [511:0] \u_write.w1_line_q , \u_write.w2_line_q , \u_write.w3_line_q ;
  (* hierconn *) logic [511:0] \u_write.queue_line ;
  (* hierconn *) logic [3:0]   \u_write.w2_ring_q ;
  (* hierconn *) logic [57:0]  \u_write.w3_addr_q , \u_write.queue_addr ;
  localparam int unsigned OutW   = PortalW + TagW + 4;  // portal, what the line says, slot
  logic [QueueDepth*OutW-1:0]   out_q, out_d;
  logic [MaxWrites*PortalW-1:0] wait_q, wait_d;  // at the bus: whose it is
  logic [3:0]                   out_n, out_n_d;
  logic [2:0]                   wait_n, wait_n_d;
  logic [2:0]                   aw_n, w_n;       // accepted by the bus and not answered
  assign out_n  = \u_write.u_queue.count_q ;
  assign wait_n = \u_write.u_record.count_q ;
  always_comb begin
    out_d    = out_q;
    out_n_d  = out_n;
    wait_d   = wait_q;
    wait_n_d = wait_n;
    if (b_we) begin
      wait_d   = wait_d >> PortalW;
      wait_n_d = wait_n_d - 1'b1;
    end
    if (\u_write.pop ) begin
      out_d   = out_d >> OutW;
      out_n_d = out_n_d - 1'b1;
      for (int unsigned i = 0; i < MaxWrites; i = i + 1) begin
        if (wait_n_d == 3'(i)) wait_d[i*PortalW+:PortalW] = out_q[OutW-1-:PortalW];
      end
    end
    if (\u_write.w3_q ) begin
      for (int unsigned i = 0; i < QueueDepth; i = i + 1) begin
        if (out_n_d == 4'(i)) begin
          out_d[i*OutW+:OutW] = {\u_write.w3_idx_q , \u_write.w3_line_q [511-:TagW],
                                 \u_write.w3_addr_q [3:0]};
        end
      end
    end
  end
  always_ff @(posedge clk_i) begin
    out_q  <= out_d;
    wait_q <= wait_d;
    aw_n  <= aw_n + 3'(awvalid && awready_i) - 3'(bvalid_i && bready);
    w_n   <= w_n + 3'(wvalid && wready_i) - 3'(bvalid_i && bready);
    if (rst_i) begin
      aw_n  <= '0;
      w_n   <= '0;
    end
  end
  always_comb begin
    assume (!bvalid_i || (aw_n != '0 && w_n != '0));
    assume (\u_write.u_record.count_q == '0 || \u_write.record_idx == wait_q[PortalW-1:0]);
    assume (\u_write.u_queue.count_q == '0 ||
            {\u_write.queue_idx , \u_write.queue_line [511-:TagW], \u_write.queue_addr [3:0]} == out_q[OutW-1:0]);
  end

  // Since a portal started: lines given to a worker, lines ended, completion lines told (told_q)
  // and those sent to the bus.
  logic [NP*16-1:0] given_q, ended_q, sent_q;
  logic [NP*4-1:0]  queued_q;             // told, and not yet sent, without those still in line_write's stages
  logic [15:0]      given, sent;          // of the portal at work
  logic             give, start_now;
  assign give      = recall || unit_take != '0 || unit_follow != '0;
  assign given     = number(given_q, \u_scheduler.job_idx_q );
  assign sent      = number(sent_q, \u_write.queue_idx );
  always_ff @(posedge clk_i) begin
    for (int unsigned p = 0; p < NP; p = p + 1) begin
      if (is(give, \u_scheduler.job_idx_q , p)) given_q[p*16+:16] <= given_q[p*16+:16] + 1'b1;
      if (is(line_done, done_idx, p)) ended_q[p*16+:16] <= ended_q[p*16+:16] + 1'b1;
      if (is(\u_write.pop , \u_write.queue_idx , p)) sent_q[p*16+:16] <= sent_q[p*16+:16] + 1'b1;
      for (int unsigned i = 0; i < NumSources; i = i + 1) begin
        if (is(out_ready[i] && out_write[i], out_portal[i*PortalW+:PortalW], p)) begin
          told_q[p*16+:16] <= told_q[p*16+:16] + 1'b1;
        end
      end
      queued_q[p*4+:4] <= rst_i ? '0 : queued_q[p*4+:4] + 4'(is(\u_write.w3_q , \u_write.w3_idx_q , p)) -
                                       4'(is(\u_write.pop , \u_write.queue_idx , p));
      if (is(start_now, \u_table.h3_idx_q , p) || rst_i) begin
        given_q[p*16+:16] <= '0;
        ended_q[p*16+:16] <= '0;
        told_q[p*16+:16]  <= '0;
        sent_q[p*16+:16]  <= '0;
      end
    end
  end
  always_comb begin
    start_now = 1'b0;
    for (int unsigned p = 0; p < NP; p = p + 1) begin
      if (is(\u_table.h3_start_q , \u_table.h3_idx_q , p) && start_q[p]) start_now = 1'b1;
    end
  end

  logic [NU-1:0] ok_worker;
  always_comb begin
    for (int unsigned w = 0; w < NU; w = w + 1) begin
      // While the end of a line is in line_write, nothing of the one after it is.
      ok_worker[w] = (!(src1_q[w] && \u_write.w1_last_q ) || !busy_q[w] ||
                      (!next_q[w] && lines_q[w*4+:4] == '0)) &&
                     (!(src2_q[w] && \u_write.w2_last_q ) || !busy_q[w] || lines_q[w*4+:4] == '0) &&
                     (!offer_q[w] || busy_q[w]) && (!busy_q[w] || lines_q[w*4+:4] <= 4'd7) &&
                     (!offer_q[w] || last_q[w] || (write_q[w] && lines_q[w*4+:4] != 4'd7)) &&
                     (!src1_q[w] || \u_write.w1_last_q ||
                      is(busy_q[w] && \u_write.w1_write_q && lines_q[w*4+:4] != '0,
                         unit_portal[w*PortalW+:PortalW], 32'(\u_write.w1_idx_q ))) &&
                     (!src2_q[w] || \u_write.w2_last_q ||
                      is(busy_q[w] && \u_write.w2_write_q && lines_q[w*4+:4] != '0,
                         unit_portal[w*PortalW+:PortalW], 32'(\u_write.w2_idx_q )));
    end
  end

  // ---- Pointers ----

  logic [15:0]     old, head, tail, chead, ctail, ptr, taken, noted, arrived, size, room, left, pos, done_line;
  logic [PtrW-1:0] open;
  logic [CountW-1:0] unanswered;
  logic [2:0]      fcount, fblock, fleft, froom;
  logic [NP-1:0]   ok_again, ok_host, ok_bell, ok_quiet, ok_w2, quiet, ok_ptr, ok_tail, ok_rec, ok_fetch, ok_run, ok_room, ok_buffer, ok_start, ok_count;
  logic [NP-1:0]   no_fetch_lost, no_run_lost, fits, ok_given, ok_told, ok_out, ok_queued;
  logic [QueueDepth*NP-1:0] ok_entry;
  logic [3:0]      ahead;
  logic [OutW-1:0] entry;
  logic [4:0]      in_flight;
  logic [15:0]     bound;
  logic [NP*16-1:0] taken16, arrived16;
  logic [PortalW+BufferW-1:0] slot;
  logic [NP-1:0] f_goes, s_goes;
  always_comb begin
    froom = '0;
    for (int unsigned p = 0; p < NP; p = p + 1) begin
      head  = heads[p*16+:16];
      tail  = tails[p*16+:16];
      chead = cheads[p*16+:16];
      ctail = ctails[p*16+:16];
      ptr   = ptrs[p*16+:16];
      size  = 16'd1 << rings[p*4+:4];
      taken = head + 16'(hands[p*2+:2]);
      noted = taken - 16'(is(s_we, s_widx, p));  // what the table says: a cycle behind
      open  = ptr[PtrW-1:0] - arriveds[p*PtrW+:PtrW];
      arrived = ptr - 16'(open);
      taken16[p*16+:16] = taken;
      arrived16[p*16+:16] = arrived;

      ok_ptr[p] = takens[p*PtrW+:PtrW] == noted[PtrW-1:0] && ptr - noted <= 16'(Lines) &&
                  ptr - taken <= 16'(Lines) && 16'(open) <= ptr - taken &&
                  (!is(s_we, s_widx, p) || (is(job_q, \u_scheduler.job_idx_q , p) &&
                                            s_taken_next == taken[PtrW-1:0]));
      ok_tail[p] = start_q[p] ? (tail <= size && chead == '0)
                              : dead_q[p] || (tail - head <= size && ptr - head <= tail - head &&
                                 taken - head <= ptr - head);
      ok_start[p] = (!enable_q[p] || (configs[p*5+1+:4] == rings[p*4+:4] &&
                                      rings[p*4+:4] >= 4'd4)) &&
                    rings[p*4+:4] <= 4'd10 && (rings[p*4+:4] == '0 || rings[p*4+:4] >= 4'd4) &&
                    (!live[p] || (enable_q[p] && !start_q[p] && !failed_q[p] && !dead_q[p])) &&
                    (!start_q[p] || (enable_q[p] && dead_q[p] && !failed_q[p])) &&
                    (!failed_q[p] || dead_q[p]);

      // What the host pipeline has read is not wrong, only old.
      old = \u_table.h2_head ;
      ok_host[p] = 1'b1;
      ok_bell[p] = 1'b1;
      if (is(\u_table.h2_we_q && \u_table.h2_enable_q && !\u_table.h2_failed_q , \u_table.h2_idx_q , p)) begin
        ok_host[p] = enable_q[p] && \u_table.h2_ring_q == configs[p*5+1+:4] &&
                     \u_table.h2_tail_q == tail && \u_table.h2_completion_head_q == chead &&
                     (!start_q[p] || (old == '0 && \u_table.h2_completion_tail == '0)) &&
                     (dead_q[p] || (head - old <= tail - old &&
                                    \u_table.h2_completion_tail - chead <= ctail - chead));
      end
      old = \u_table.h3_wdata_q [15:0] - \u_table.h3_ahead_q ;
      if (is(\u_table.h3_doorbell_q , \u_table.h3_idx_q , p)) begin
        ok_bell[p] = enable_q[p] && 16'(\u_table.h3_size_q ) == size &&
                     \u_table.h3_old_ahead_q == tail - old &&
                     \u_table.h3_consumed_q == \u_table.h3_wdata_q [31:16] - chead &&
                     (!start_q[p] || (old == '0 && \u_table.h3_unread_q == '0)) &&
                     (dead_q[p] || (head - old <= tail - old &&
                                    \u_table.h3_unread_q <= ctail - chead));
      end

      // Records of bursts, in order: each begins where the one before it ends, the last one ends at
      // the pointer.
      pos = arrived + 16'(is(arrive, arrive_idx, p));
      ok_rec[p] = 1'b1;
      for (int unsigned i = 0; i < MaxBursts; i = i + 1) begin
        if (3'(i) < rec_n && 32'(rec_q[i*RecW+19+:PortalW]) == p) begin
          if (rec_q[i*RecW+3+:16] + (i == 0 ? 16'(\u_fetch.beat_q ) : 16'd0) != pos) ok_rec[p] = 1'b0;
          if (rec_q[i*RecW+:3] == 3'd0 || 4'(rec_q[i*RecW+3+:2]) + 4'(rec_q[i*RecW+:3]) > 4'd4) ok_rec[p] = 1'b0;
          pos = rec_q[i*RecW+3+:16] + 16'(rec_q[i*RecW+:3]);
        end
      end
      if (pos != ptr) ok_rec[p] = 1'b0;

      // line_fetch
      ok_fetch[p] = 1'b1;
      f_goes[p]   = \u_fetch.onehot [p];
      if (is(\u_fetch.p1_q && \u_fetch.p1_live_q , \u_fetch.p1_idx_q , p)) begin
        left = \u_fetch.p1_tail_q - \u_fetch.p1_ptr_q ;
        froom = 3'(PtrW'(Lines) - (ptr[PtrW-1:0] - \u_fetch.p1_taken_q ));
        // With nothing to fetch, it may be of the life before.
        ok_fetch[p] = \u_fetch.p1_tail_q == \u_fetch.p1_ptr_q ||
                      \u_fetch.p1_ptr_q == ptr && (dead_q[p] || \u_fetch.p1_ring_q == rings[p*4+:4]) &&
                      16'(PtrW'(ptr[PtrW-1:0] - \u_fetch.p1_taken_q )) <= 16'(Lines) &&
                      16'(PtrW'(ptr[PtrW-1:0] - \u_fetch.p1_taken_q )) >= ptr - noted &&
                      (dead_q[p] || left <= tail - ptr);
        fblock = 3'd4 - 3'(ptr[1:0]);
        fleft  = left >= 16'd4 ? 3'd4 : 3'(left[1:0]);
        fcount = fleft < fblock ? fleft : fblock;
        f_goes[p] = left <= size && fcount != '0 && fcount <= froom &&
                    (left > 16'(fcount) || left == tail - ptr);
      end
      if (is(\u_fetch.p2_q && \u_fetch.p2_live_q , \u_fetch.p2_idx_q , p)) begin
        ok_fetch[p] = \u_fetch.p2_left_q == '0 || \u_fetch.p2_ptr_q == ptr && (dead_q[p] || \u_fetch.p2_size_q == size) &&
                      16'(\u_fetch.p2_room_q ) <= 16'(Lines) - (ptr - noted) &&
                      (dead_q[p] || \u_fetch.p2_left_q <= tail - ptr);
        fblock = 3'd4 - 3'(ptr[1:0]);
        fleft  = \u_fetch.p2_left_q >= 16'd4 ? 3'd4 : 3'(\u_fetch.p2_left_q [1:0]);
        fcount = fleft < fblock ? fleft : fblock;
        f_goes[p] = \u_fetch.p2_left_q <= size && fcount != '0 &&
                    fcount <= 3'(\u_fetch.p2_room_q ) &&
                    (\u_fetch.p2_left_q > 16'(fcount) || \u_fetch.p2_left_q == tail - ptr);
      end
      if (is(\u_fetch.p3_q && \u_fetch.p3_go_q , \u_fetch.p3_idx_q , p)) begin
        ok_fetch[p] = \u_fetch.p3_ptr_q == ptr && \u_fetch.p3_next_q == ptr + 16'(\u_fetch.p3_count_q ) &&
                      \u_fetch.p3_count_q >= 3'd1 && \u_fetch.p3_count_q <= 3'd4 - 3'(ptr[1:0]) &&
                      ptr + 16'(\u_fetch.p3_count_q ) - noted <= 16'(Lines) &&
                      (dead_q[p] || 16'(\u_fetch.p3_count_q ) <= tail - ptr);
        // The rest is asked for again, or was rung for since.
        f_goes[p] = \u_fetch.p3_more_q || 16'(\u_fetch.p3_count_q ) == tail - ptr;
      end
      left   = tail - ptr;
      fblock = 3'd4 - 3'(ptr[1:0]);
      fleft  = left >= 16'd4 ? 3'd4 : 3'(left[1:0]);
      fcount = fleft < fblock ? fleft : fblock;
      fits[p] = live[p] && left != '0 && 16'(fcount) <= 16'(Lines) - (ptr - noted);
      no_fetch_lost[p] = !fits[p] || fetch_waiting[p] || is(event_any, event_idx, p) || f_goes[p];

      // portal_scheduler
      in_flight = 5'(is(\u_write.w1_q && \u_write.w1_write_q , \u_write.w1_idx_q , p)) +
                  5'(is(\u_write.w2_q && \u_write.w2_write_q , \u_write.w2_idx_q , p));
      ok_room[p] = dead_q[p] || ctail + 16'(in_flight) - chead <= size;
      ok_run[p]  = 1'b1;
      s_goes[p]  = \u_scheduler.onehot [p] || held[p];
      // Completion lines of the line in hand that may have been added since a look began: those
      // taken from its worker, or all, once it has ended.
      bound = 16'd8;
      if (recalls_q[p] || is(\u_scheduler.job_worker_q || \u_scheduler.job_side_q ||
                             \u_scheduler.job_recall_q , \u_scheduler.job_idx_q , p)) bound = '0;
      for (int unsigned w = 0; w < NU; w = w + 1) begin
        if (is(next_q[w] && !busy_q[w], unit_portal[w*PortalW+:PortalW], p)) bound = '0;
        if (is(busy_q[w], unit_portal[w*PortalW+:PortalW], p)) bound = 16'(lines_q[w*4+:4]);
      end
      if (is(\u_scheduler.p1_q && \u_scheduler.p1_live_q , \u_scheduler.p1_idx_q , p)) begin
        ok_run[p] = \u_scheduler.p1_arrived_q == \u_scheduler.p1_taken_q ||
                    \u_scheduler.p1_taken_q == taken[PtrW-1:0] &&
                    \u_scheduler.p1_head_q + 16'(next_look[p]) == taken &&
                    (next_look[p] || \u_scheduler.p1_ctail_q == ctail) && (dead_q[p] || \u_scheduler.p1_ring_q == rings[p*4+:4]) &&
                    16'(PtrW'(\u_scheduler.p1_arrived_q - taken[PtrW-1:0])) <= arrived - taken &&
                    (dead_q[p] || next_look[p] || ctail - \u_scheduler.p1_chead_q >= ctail - chead) &&
                    (dead_q[p] || !next_look[p] || !held[p] ||
                     (\u_scheduler.p1_ctail_q - \u_scheduler.p1_chead_q <= size &&
                      ctail + 16'(in_flight) - chead <=
                      \u_scheduler.p1_ctail_q - \u_scheduler.p1_chead_q + bound));
        if (!next_look[p]) s_goes[p] = \u_scheduler.p1_arrived_q != \u_scheduler.p1_taken_q &&
                    ctail - \u_scheduler.p1_chead_q <= size - 16'd8;
      end
      if (is(\u_scheduler.p2_q && \u_scheduler.p2_live_q , \u_scheduler.p2_idx_q , p)) begin
        ok_run[p] = !\u_scheduler.p2_line_q || \u_scheduler.p2_taken_q == PtrW'(taken[PtrW-1:0] + 1'b1) &&
                    (dead_q[p] || \u_scheduler.p2_most_q == size - (next_look[p] ? 16'd16 : 16'd8)) &&
                    arrived != taken && read_tag_q == {PortalW'(p), taken} &&
                    (dead_q[p] || next_look[p] || \u_scheduler.p2_used_q >= ctail - chead) &&
                    (dead_q[p] || !next_look[p] || !held[p] ||
                     (\u_scheduler.p2_used_q <= size &&
                      ctail + 16'(in_flight) - chead <= \u_scheduler.p2_used_q + bound));
        if (!next_look[p]) s_goes[p] = \u_scheduler.p2_line_q && \u_scheduler.p2_used_q <= size - 16'd8;
      end
      if (is(\u_scheduler.p3_q && \u_scheduler.p3_go_q , \u_scheduler.p3_idx_q , p)) begin
        ok_run[p] = \u_scheduler.p3_taken_q == PtrW'(taken[PtrW-1:0] + 1'b1) && arrived != taken &&
                    out_tag_q == {PortalW'(p), taken} &&
                    (dead_q[p] || (next_look[p] ? !held[p] || ctail + 16'(in_flight) - chead <= size - 16'd16 + bound
                                            : ctail - chead <= size - 16'd8));
        if (!next_look[p]) s_goes[p] = 1'b1;
      end
      if (is(job_q && follow_valid == '0, \u_scheduler.job_idx_q , p) || recalls_q[p]) begin
        ok_room[p] = dead_q[p] || ctail - chead <= size - 16'd8;
      end
      for (int unsigned w = 0; w < NU; w = w + 1) begin
        if (is(busy_q[w], unit_portal[w*PortalW+:PortalW], p)) begin
          ok_room[p] = dead_q[p] || ctail + 16'(in_flight) - chead <=
                       size - (next_q[w] || unit_follow[w] ? 16'd16 : 16'd8) + 16'(lines_q[w*4+:4]);
        end else if (is(next_q[w] || unit_follow[w], unit_portal[w*PortalW+:PortalW], p)) begin
          ok_room[p] = dead_q[p] || ctail + 16'(in_flight) - chead <= size - 16'd8;
        end
      end
      if (!dead_q[p] && ctail - chead > size) ok_room[p] = 1'b0;
      no_run_lost[p] = !(live[p] && arrived != taken && ctail - chead <= size - 16'd8) ||
                       run_waiting[p] || is(event_any, event_idx, p) ||
                       is(arrive, arrive_idx, p) || s_goes[p];

      ok_w2[p] = !is(\u_write.w2_q , \u_write.w2_idx_q , p) ||
                 (\u_write.w2_tail_q == ctail && \u_write.w2_head_q == head);
      unanswered = CountW'(is(\u_write.w3_q , \u_write.w3_idx_q , p));
      for (int unsigned i = 0; i < QueueDepth; i = i + 1) begin
        unanswered = unanswered + CountW'(is(4'(i) < out_n, out_q[i*OutW+OutW-1-:PortalW], p));
      end
      for (int unsigned i = 0; i < MaxWrites; i = i + 1) begin
        unanswered = unanswered + CountW'(is(3'(i) < wait_n, wait_q[i*PortalW+:PortalW], p));
      end
      // What was given, ended, told and sent is what the pointers say.
      ok_given[p] = ended_q[p*16+:16] == head &&
                    given_q[p*16+:16] == taken - 16'(is(job_q , \u_scheduler.job_idx_q , p));
      ok_told[p] = dead_q[p] ||
                   (told_q[p*16+:16] == ctail + 16'(in_flight) && in_flight <= 5'd1 &&
                    (!is(\u_write.w1_q && \u_write.w1_write_q , \u_write.w1_idx_q , p) ||
                     \u_write.w1_line_q [511-:TagW] == {PortalW'(p), ctail}));
      // Read while the portal lived, a line is still written after its death.
      if (is(\u_write.w2_q && \u_write.w2_write_q , \u_write.w2_idx_q , p)) begin
        if (\u_write.w2_dead_q ? !dead_q[p]
                               : \u_write.w2_line_q [511-:TagW] != {PortalW'(p), ctail} ||
                                 \u_write.w2_ring_q < 4'd4) ok_told[p] = 1'b0;
      end
      // In the queue to the bus, a portal's lines have the numbers after those sent.
      ahead = '0;
      for (int unsigned i = 0; i < QueueDepth; i = i + 1) begin
        entry = out_q[i*OutW+:OutW];
        pos   = sent_q[p*16+:16] + 16'(ahead);
        ok_entry[i*NP+p] = 1'b1;
        if (is(4'(i) < out_n, entry[OutW-1-:PortalW], p)) begin
          ok_entry[i*NP+p] = entry[4+:TagW] == {PortalW'(p), pos} && entry[3:0] == pos[3:0];
          ahead = ahead + 1'b1;
        end
      end
      ok_queued[p] = queued_q[p*4+:4] == ahead;
      pos = sent_q[p*16+:16] + 16'(queued_q[p*4+:4]);
      ok_out[p] = !is(\u_write.w3_q , \u_write.w3_idx_q , p) ||
                  (\u_write.w3_line_q [511-:TagW] == {PortalW'(p), pos} && \u_write.w3_addr_q [3:0] == pos[3:0]);
      if (ctail != pos + 16'(is(\u_write.w3_q , \u_write.w3_idx_q , p))) ok_out[p] = 1'b0;
      ok_count[p] = CountW'(ctail[CountW-1:0] - counts[p*CountW+:CountW]) == unanswered;
      quiet[p] = !held[p] && open == '0 && \u_table.u_completion_tail.fv_values [p*16+:CountW] ==
                 counts[p*CountW+:CountW] &&
                 !is(\u_fetch.p1_q && \u_fetch.p1_live_q && \u_fetch.p1_tail_q != \u_fetch.p1_ptr_q , \u_fetch.p1_idx_q , p) &&
                 !is(\u_fetch.p2_q && \u_fetch.p2_live_q && \u_fetch.p2_left_q != '0, \u_fetch.p2_idx_q , p) &&
                 !is(\u_fetch.p3_q && \u_fetch.p3_go_q , \u_fetch.p3_idx_q , p) &&
                 !is(\u_scheduler.p1_q && \u_scheduler.p1_live_q && \u_scheduler.p1_arrived_q != \u_scheduler.p1_taken_q , \u_scheduler.p1_idx_q , p) &&
                 !is(\u_scheduler.p2_q && \u_scheduler.p2_live_q && \u_scheduler.p2_line_q , \u_scheduler.p2_idx_q , p) &&
                 !is(\u_scheduler.p3_q && \u_scheduler.p3_go_q , \u_scheduler.p3_idx_q , p);
      ok_quiet[p] = !start_q[p] || quiet[p] ||
                    !(is(\u_table.h2_scan_q && \u_table.h2_drained , \u_table.h2_idx_q , p) ||
                      is(\u_table.h3_start_q , \u_table.h3_idx_q , p));
      if (is(\u_table.h3_start_q , \u_table.h3_idx_q , p) && !start_q[p]) ok_quiet[p] = 1'b0;

      if (rings[p*4+:4] == '0 && (!quiet[p] || enable_q[p])) ok_start[p] = 1'b0;  // never enabled

      // A portal that is enabled again just when it starts: nothing was rung for in between.
      ok_again[p] =
          (!(start_q[p] && \u_table.h1_scan_q && \u_table.h1_idx_q == \u_table.scan_idx_q &&
             32'(\u_table.h1_idx_q ) == p) || configured_q[p]) &&
          (!configured_q[p] || ((!start_q[p] || tail == '0) && !\u_table.h3_doorbell_q && !\u_table.h3_config_q )) &&
          (!(is(\u_table.h2_scan_q && \u_table.h2_drained , \u_table.h2_idx_q , p) && start_q[p] &&
             32'(\u_table.scan_idx_q ) == p && \u_table.h1_we_q ) || tail == '0) &&
          (!(is(\u_table.h3_start_q , \u_table.h3_idx_q , p) && start_q[p] && \u_table.h2_we_q &&
             is(\u_table.h1_scan_q , \u_table.h1_idx_q , p)) || tail == '0) &&
          (!(is(\u_table.h2_scan_q && \u_table.h2_drained , \u_table.h2_idx_q , p) &&
             is(\u_table.h3_config_q , \u_table.h3_idx_q , p)) ||
           (quiet[p] && (start_q[p] || !live[p] || (tail == ptr && ptr == taken))));

      // The buffer holds the lines that have arrived and are not taken.
      ok_buffer[p] = 1'b1;
      for (int unsigned i = 0; i < Lines; i = i + 1) begin
        slot = {PortalW'(p), BufferW'(taken[BufferW-1:0] + BufferW'(i))};
        if (16'(i) < arrived - taken && buffer[slot] != {PortalW'(p), taken + 16'(i)}) ok_buffer[p] = 1'b0;
      end
    end
  end

  logic [15:0] job_number, arrive_number;
  always_comb begin
    job_number = '0;
    arrive_number = '0;
    for (int unsigned p = 0; p < NP; p = p + 1) begin
      if (is(job_q , \u_scheduler.job_idx_q , p)) job_number = taken16[p*16+:16] - 16'd1;
      if (is(arrive, arrive_idx, p)) arrive_number = arrived16[p*16+:16];
    end
  end

  // An end is for a line given and not yet ended, at most two of a portal at a time; a completion line goes
  // to the slot of its number (whose upper bits are put into a base that the host chooses).
  logic [NP-1:0] ended_right;
  logic          sent_slot;
  always_comb begin
    sent_slot = 1'b1;
    for (int unsigned p = 0; p < NP; p = p + 1) begin
      ended_right[p] = given_q[p*16+:16] - ended_q[p*16+:16] <= 16'd2 &&
                       (!is(line_done, done_idx, p) || given_q[p*16+:16] != ended_q[p*16+:16]);
      if (is(\u_write.pop , \u_write.queue_idx , p)) begin
        sent_slot = \u_write.queue_addr [3:0] == sent[3:0];
      end
    end
  end

endmodule

`default_nettype wire
