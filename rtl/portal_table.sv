// The state of every portal: the registers of its window, whether it is live, and the pointers that
// the read side, the scheduler and the write side keep. One writer for each pointer, a read port
// for each reader, so nobody waits for another.
//
// Contract: a window access is a pulse; read data comes ReadLatency cycles after re_i. Accesses are
// at least 3 cycles apart (the AXI4-Lite decoder sees to that), so that each sees the one before.
// enable=1 marks a portal as starting; it goes live, all pointers at 0, when nothing of its former
// life is under way. Lines of a failed or starting portal are dead: they leave no trace in memory.
// Cost: distributed memory of about 350 bits a portal, 17 flip-flops a portal; no path over 5 LUT
// levels.
`default_nettype none

module portal_table #(
    parameter int unsigned NumPortals = 64,
    parameter int unsigned BufferW    = 4,   // log2 of the lines read ahead for each portal
    parameter int unsigned DomainW    = 6,
    parameter int unsigned BankW      = 2,
    parameter int unsigned PortalW    = $clog2(NumPortals),
    parameter int unsigned CountW     = 8    // bits that tell completion lines on the bus apart
) (
    input  wire                   clk_i,
    input  wire                   rst_i,

    // Window accesses of the host.
    input  wire                   host_we_i,
    input  wire                   host_re_i,
    input  wire  [           5:0] host_index_i,
    input  wire  [           5:0] host_addr_i,
    input  wire  [          31:0] host_wdata_i,
    output logic [          31:0] host_rdata_o,

    // What the host did: new lines or room (also a fresh start), a fresh start, a bad doorbell.
    output logic                  event_o,
    output logic                  start_o,
    output logic [   PortalW-1:0] event_idx_o,
    output logic                  doorbell_o,
    output logic                  bad_doorbell_o,
    output logic [   PortalW-1:0] bad_doorbell_idx_o,

    // Where each portal is, for all to see.
    output logic [NumPortals-1:0] live_o,
    output logic                  starting_o,
    input  wire  [NumPortals-1:0] in_hand_i,     // a line is looked at, executed or answered
    input  wire  [NumPortals-1:0] fetching_i,    // the read side looks at it
    input  wire  [NumPortals-1:0] waiting_i,     // somebody will look at it soon
    input  wire  [NumPortals-1:0] stalled_i,

    // Bus errors, and those of them that are worth a record.
    input  wire                   read_fail_i,
    input  wire  [   PortalW-1:0] read_fail_idx_i,
    input  wire                   write_fail_i,
    input  wire  [   PortalW-1:0] write_fail_idx_i,
    output logic                  read_fail_new_o,
    output logic                  write_fail_new_o,

    // Read side: lines asked for (f), and lines arrived (r).
    input  wire  [   PortalW-1:0] f_idx_i,
    output logic                  f_live_o,
    output logic [          15:0] f_ptr_o,
    output logic [          15:0] f_tail_o,
    output logic [     BufferW:0] f_taken_o,
    output logic [          63:0] f_base_o,
    output logic [           3:0] f_ring_log2_o,
    input  wire                   f_we_i,
    input  wire  [   PortalW-1:0] f_widx_i,
    input  wire  [          15:0] f_ptr_i,
    input  wire                   r_we_i,
    input  wire  [   PortalW-1:0] r_widx_i,
    input  wire  [     BufferW:0] r_arrived_i,

    // Scheduler.
    input  wire  [   PortalW-1:0] s_idx_i,
    output logic                  s_live_o,
    output logic [     BufferW:0] s_arrived_o,
    output logic [     BufferW:0] s_taken_o,
    output logic [          15:0] s_completion_head_o,
    output logic [          15:0] s_completion_tail_o,
    output logic [          15:0] s_head_o,
    output logic [           3:0] s_ring_log2_o,
    output logic [   DomainW-1:0] s_domain_o,
    output logic [     BankW-1:0] s_bank_o,
    input  wire                   s_we_i,
    input  wire  [   PortalW-1:0] s_widx_i,
    input  wire  [     BufferW:0] s_taken_i,

    // Write side: lines written (w), and their answers (b).
    input  wire  [   PortalW-1:0] w_idx_i,
    output logic                  w_dead_o,
    output logic [          15:0] w_tail_o,
    output logic [          15:0] w_head_o,
    output logic [          63:0] w_base_o,
    output logic [           3:0] w_ring_log2_o,
    input  wire                   w_we_i,
    input  wire                   w_last_i,
    input  wire  [   PortalW-1:0] w_widx_i,
    input  wire  [          15:0] w_tail_i,
    input  wire  [          15:0] w_head_i,
    input  wire  [     BankW-1:0] w_bank_i,
    input  wire  [   PortalW-1:0] b_idx_i,
    output logic [    CountW-1:0] b_count_o,
    input  wire                   b_we_i,
    input  wire  [    CountW-1:0] b_count_i,

    // RECALL.
    input  wire  [   PortalW-1:0] q_idx_i,
    output logic [          15:0] q_tail_o,
    output logic [          15:0] q_head_o
);

  localparam int unsigned PtrW = BufferW + 1;

  if (NumPortals < 2 || NumPortals > exalloc_pkg::MaxPortals) begin : g_bad_portals
    $error("portal_table: NumPortals must be 2 to 64");
  end
  if (DomainW > exalloc_pkg::PortalConfigDomainWidth) begin : g_bad_domain
    $error("portal_table: DomainW does not fit its register field");
  end

  // ---- Life ----

  (* nowrshmsk *) logic [NumPortals-1:0] enable_q;
  (* nowrshmsk *) logic [NumPortals-1:0] live_q;
  (* nowrshmsk *) logic [NumPortals-1:0] start_q;
  (* nowrshmsk *) logic [NumPortals-1:0] failed_q;
  // What is in hand belongs to a life that failed or was replaced.
  (* nowrshmsk *) logic [NumPortals-1:0] dead_q;

  // ---- The pipeline of host accesses; free cycles look for portals that wait to start ----

  logic               h1_we_q, h1_scan_q;
  logic [PortalW-1:0] h1_idx_q, h2_idx_q, h3_idx_q;
  logic               h1_known_q, h2_known_q;
  logic [        5:0] h1_addr_q, h2_addr_q;
  logic [       31:0] h1_wdata_q, h2_wdata_q, h3_wdata_q;
  logic [PortalW-1:0] scan_idx_q;

  logic               h2_we_q, h2_scan_q;
  logic [      127:0] h2_base_q;
  logic [        3:0] h2_ring_q;
  logic [DomainW-1:0] h2_domain_q;
  logic [       15:0] h2_tail_q, h2_completion_head_q, h2_completion_tail_q, h2_head_q;
  logic [   PtrW-1:0] h2_ptr_q, h2_arrived_q;
  logic [ CountW-1:0] h2_count_q;
  logic               h2_enable_q, h2_up_q, h2_failed_q, h2_stalled_q, h2_start_q;
  logic               h2_held_q, h2_looked_q;  // in hand or fetching; what makes it busy

  logic               h3_start_q, h3_doorbell_q, h3_config_q, h3_base_q;
  logic [        3:0] h3_base_sel_q;
  logic [       15:0] h3_ahead_q, h3_old_ahead_q, h3_consumed_q, h3_unread_q;
  logic [       10:0] h3_size_q;
  logic [       31:0] rdata_q;

  // Reads of the first stage.
  logic [       31:0] h1_base0, h1_base1, h1_base2, h1_base3;
  logic [        3:0] h1_ring;
  logic [DomainW-1:0] h1_domain;
  logic [       15:0] h1_tail, h1_completion_head, h1_completion_tail, h1_head, h1_ptr;
  logic [   PtrW-1:0] h1_arrived;
  logic [ CountW-1:0] h1_count;
  logic [       10:0] h2_size;
  logic [       15:0] h2_head, h2_completion_tail;
  assign h2_size = 11'd1 << h2_ring_q;
  // Lines on their way from or to memory; whether the portal may start; whether it is busy.
  logic h2_moves, h2_drained, h2_active;
  assign h2_moves   = h2_ptr_q != h2_arrived_q ||
                      h2_completion_tail_q[CountW-1:0] != h2_count_q;
  assign h2_drained = h2_start_q && !h2_held_q && !h2_moves;
  assign h2_active  = h2_looked_q || h2_moves;
  // A portal that is off or waits to start still keeps the pointers of its former life.
  assign h2_head            = h2_up_q ? h2_head_q : '0;
  assign h2_completion_tail = h2_up_q ? h2_completion_tail_q : '0;

  logic [       31:0] h2_config, h2_status;
  exalloc_pkg::portal_config_t config_fields;
  exalloc_pkg::portal_status_t status_fields;
  always_comb begin
    config_fields           = '0;
    config_fields.enable    = h2_enable_q;
    config_fields.ring_log2 = h2_ring_q;
    config_fields.domain    = 6'(h2_domain_q);
    status_fields           = '0;
    status_fields.head      = h2_head;
    status_fields.enabled   = h2_enable_q && !h2_failed_q;
    status_fields.busy      = h2_active;
    status_fields.stalled   = h2_stalled_q;
    status_fields.failed    = h2_failed_q;
  end
  assign h2_config = config_fields;
  assign h2_status = status_fields;

  exalloc_pkg::portal_config_t h3_config;
  assign h3_config = h3_wdata_q;

  logic unused;
  assign unused = &{1'b0, h3_config, h1_ptr};

  logic ring_ok;
  assign ring_ok = 32'(h3_config.ring_log2) >= exalloc_pkg::MinRingLog2 &&
                   32'(h3_config.ring_log2) <= exalloc_pkg::MaxRingLog2;

  logic doorbell_ok, doorbell_take, start_now, enable_now, start_next;
  // The tail may only move on, by no more than a ring of lines; the head only over lines written.
  assign doorbell_ok   = h3_ahead_q <= 16'(h3_size_q) && h3_ahead_q >= h3_old_ahead_q &&
                         h3_consumed_q <= h3_unread_q;
  assign doorbell_take = h3_doorbell_q && doorbell_ok;
  assign start_now     = h3_start_q;
  assign enable_now    = h3_config_q && h3_config.enable && ring_ok;
  // Whether the portal in stage 2 will wait to start when it is in stage 3.
  assign start_next    = (h3_config_q || h3_start_q) && h3_idx_q == h2_idx_q
                       ? enable_now : start_q[h2_idx_q];

  always_ff @(posedge clk_i) begin
    // Stage 0: what comes from the decoder, or the next portal to look at.
    h1_we_q    <= host_we_i;
    h1_scan_q  <= !host_we_i && !host_re_i;
    h1_known_q <= 32'(host_index_i) < NumPortals;
    h1_idx_q   <= (host_we_i || host_re_i) ? host_index_i[PortalW-1:0] : scan_idx_q;
    h1_addr_q  <= host_addr_i;
    h1_wdata_q <= host_wdata_i;
    if (h3_config_q) begin
      scan_idx_q <= h3_idx_q;  // what the host has just enabled is looked at first
    end else if (!host_we_i && !host_re_i) begin
      scan_idx_q <= 32'(scan_idx_q) == NumPortals - 1 ? '0 : scan_idx_q + 1'b1;
    end

    // Stage 1: read everything.
    h2_we_q              <= h1_we_q && h1_known_q;
    h2_scan_q            <= h1_scan_q;
    h2_known_q           <= h1_known_q;
    h2_idx_q             <= h1_idx_q;
    h2_addr_q            <= h1_addr_q;
    h2_wdata_q           <= h1_wdata_q;
    h2_base_q            <= {h1_base3, h1_base2, h1_base1, h1_base0};
    h2_ring_q            <= h1_ring;
    h2_domain_q          <= h1_domain;
    h2_tail_q            <= h1_tail;
    h2_completion_head_q <= h1_completion_head;
    h2_completion_tail_q <= h1_completion_tail;
    h2_head_q            <= h1_head;
    h2_enable_q          <= enable_q[h1_idx_q];
    h2_up_q              <= enable_q[h1_idx_q] && !start_q[h1_idx_q];
    h2_failed_q          <= failed_q[h1_idx_q];
    h2_stalled_q         <= stalled_i[h1_idx_q] && live_q[h1_idx_q];
    h2_ptr_q             <= h1_ptr[PtrW-1:0];
    h2_arrived_q         <= h1_arrived;
    h2_count_q           <= h1_count;
    h2_start_q           <= start_q[h1_idx_q];
    h2_held_q            <= in_hand_i[h1_idx_q] || fetching_i[h1_idx_q];
    h2_looked_q          <= in_hand_i[h1_idx_q] || start_q[h1_idx_q] ||
                            (live_q[h1_idx_q] && (waiting_i[h1_idx_q] || fetching_i[h1_idx_q]));

    // Stage 2: distances; what a read returns.
    h3_idx_q       <= h2_idx_q;
    h3_wdata_q     <= h2_wdata_q;
    h3_start_q     <= h2_scan_q && h2_drained && start_next;
    h3_config_q    <= h2_we_q && h2_addr_q == exalloc_pkg::RegPortalConfigOffset;
    h3_doorbell_q  <= h2_we_q && h2_addr_q == exalloc_pkg::RegDoorbellOffset && h2_enable_q &&
                      !h2_failed_q;
    h3_base_q      <= h2_we_q && h2_addr_q[5:4] == 2'b00;
    h3_base_sel_q  <= 4'd1 << h2_addr_q[3:2];
    h3_size_q      <= h2_size;
    h3_ahead_q     <= h2_wdata_q[15:0] - h2_head;
    h3_old_ahead_q <= h2_tail_q - h2_head;
    h3_consumed_q  <= h2_wdata_q[31:16] - h2_completion_head_q;
    h3_unread_q    <= h2_completion_tail - h2_completion_head_q;
    case (h2_addr_q)
      exalloc_pkg::RegSubmissionBaseLowOffset:  rdata_q <= h2_base_q[31:0];
      exalloc_pkg::RegSubmissionBaseHighOffset: rdata_q <= h2_base_q[63:32];
      exalloc_pkg::RegCompletionBaseLowOffset:  rdata_q <= h2_base_q[95:64];
      exalloc_pkg::RegCompletionBaseHighOffset: rdata_q <= h2_base_q[127:96];
      exalloc_pkg::RegPortalConfigOffset:       rdata_q <= h2_config;
      exalloc_pkg::RegPortalStatusOffset:       rdata_q <= h2_status;
      default:                                  rdata_q <= '0;
    endcase
    if (!h2_known_q) rdata_q <= '0;

    if (rst_i) begin
      h1_we_q       <= 1'b0;
      h2_we_q       <= 1'b0;
      h3_config_q   <= 1'b0;
      h3_doorbell_q <= 1'b0;
      h3_base_q     <= 1'b0;
      h3_start_q    <= 1'b0;
      scan_idx_q    <= '0;
    end
  end

  assign host_rdata_o = rdata_q;

  // Stage 3: act. The later assignments win: a bus error found now is of the former life of a
  // portal that is being enabled now. Of a portal that waits to start, none is worth a record: the
  // rest of a burst that has failed would be recorded line by line.
  assign read_fail_new_o  = read_fail_i && !failed_q[read_fail_idx_i] && !start_q[read_fail_idx_i];
  assign write_fail_new_o = write_fail_i && !failed_q[write_fail_idx_i] &&
                            !start_q[write_fail_idx_i];

  // Whose bus error it is, and that it does not wait to start: side by side, not one after the other.
  logic [NumPortals-1:0] fails;
  assign fails = ((NumPortals'(read_fail_i) << read_fail_idx_i) |
                  (NumPortals'(write_fail_i) << write_fail_idx_i)) & ~start_q;

  always_ff @(posedge clk_i) begin
    failed_q <= failed_q | fails;
    dead_q   <= dead_q | fails;
    live_q   <= live_q & ~fails;
    if (start_now) begin
      live_q[h3_idx_q]  <= 1'b1;
      start_q[h3_idx_q] <= 1'b0;
      dead_q[h3_idx_q]  <= 1'b0;
    end
    if (h3_config_q) begin
      enable_q[h3_idx_q] <= enable_now;
      live_q[h3_idx_q]   <= 1'b0;
      start_q[h3_idx_q]  <= enable_now;
      failed_q[h3_idx_q] <= 1'b0;
      if (enable_now) dead_q[h3_idx_q] <= 1'b1;
    end
    event_o            <= start_now || doorbell_take;
    start_o            <= start_now;
    event_idx_o        <= h3_idx_q;
    doorbell_o         <= doorbell_take;
    bad_doorbell_o     <= h3_doorbell_q && !doorbell_ok;
    bad_doorbell_idx_o <= h3_idx_q;
    starting_o         <= start_q != '0;
    if (rst_i) begin
      enable_q       <= '0;
      live_q         <= '0;
      start_q        <= '0;
      failed_q       <= '0;
      dead_q         <= '0;
      event_o        <= 1'b0;
      start_o        <= 1'b0;
      doorbell_o     <= 1'b0;
      bad_doorbell_o <= 1'b0;
      starting_o     <= 1'b0;
    end
  end

  assign live_o   = live_q;
  assign f_live_o = live_q[f_idx_i];
  assign s_live_o = live_q[s_idx_i];
  assign w_dead_o = dead_q[w_idx_i];

  // ---- What the host writes ----

  logic base_we0, base_we1, base_we2, base_we3;
  assign base_we0 = h3_base_q && h3_base_sel_q[0];
  assign base_we1 = h3_base_q && h3_base_sel_q[1];
  assign base_we2 = h3_base_q && h3_base_sel_q[2];
  assign base_we3 = h3_base_q && h3_base_sel_q[3];

  portal_ram #(.Width(32), .NumPortals(NumPortals), .Reads(2)) u_base0 (
      .clk_i, .rst_i, .clear_i(1'b0), .clear_idx_i('0),
      .we_i(base_we0), .widx_i(h3_idx_q), .wdata_i(h3_wdata_q),
      .ridx_i({f_idx_i, h1_idx_q}), .rdata_o({f_base_o[31:0], h1_base0}));
  portal_ram #(.Width(32), .NumPortals(NumPortals), .Reads(2)) u_base1 (
      .clk_i, .rst_i, .clear_i(1'b0), .clear_idx_i('0),
      .we_i(base_we1), .widx_i(h3_idx_q), .wdata_i(h3_wdata_q),
      .ridx_i({f_idx_i, h1_idx_q}), .rdata_o({f_base_o[63:32], h1_base1}));
  portal_ram #(.Width(32), .NumPortals(NumPortals), .Reads(2)) u_base2 (
      .clk_i, .rst_i, .clear_i(1'b0), .clear_idx_i('0),
      .we_i(base_we2), .widx_i(h3_idx_q), .wdata_i(h3_wdata_q),
      .ridx_i({w_idx_i, h1_idx_q}), .rdata_o({w_base_o[31:0], h1_base2}));
  portal_ram #(.Width(32), .NumPortals(NumPortals), .Reads(2)) u_base3 (
      .clk_i, .rst_i, .clear_i(1'b0), .clear_idx_i('0),
      .we_i(base_we3), .widx_i(h3_idx_q), .wdata_i(h3_wdata_q),
      .ridx_i({w_idx_i, h1_idx_q}), .rdata_o({w_base_o[63:32], h1_base3}));

  // What the host reads back; and what the portal works with, which must not change under the line
  // in hand when the host disables it.
  portal_ram #(.Width(4 + DomainW), .NumPortals(NumPortals), .Reads(1)) u_config (
      .clk_i, .rst_i, .clear_i(1'b0), .clear_idx_i('0),
      .we_i(h3_config_q), .widx_i(h3_idx_q),
      .wdata_i({h3_config.ring_log2, h3_config.domain[DomainW-1:0]}),
      .ridx_i(h1_idx_q), .rdata_o({h1_ring, h1_domain}));
  portal_ram #(.Width(4), .NumPortals(NumPortals), .Reads(3)) u_ring (
      .clk_i, .rst_i, .clear_i(1'b0), .clear_idx_i('0),
      .we_i(enable_now), .widx_i(h3_idx_q), .wdata_i(h3_config.ring_log2),
      .ridx_i({w_idx_i, s_idx_i, f_idx_i}),
      .rdata_o({w_ring_log2_o, s_ring_log2_o, f_ring_log2_o}));
  portal_ram #(.Width(DomainW), .NumPortals(NumPortals), .Reads(1)) u_domain (
      .clk_i, .rst_i, .clear_i(1'b0), .clear_idx_i('0),
      .we_i(enable_now), .widx_i(h3_idx_q), .wdata_i(h3_config.domain[DomainW-1:0]),
      .ridx_i(s_idx_i), .rdata_o(s_domain_o));

  portal_ram #(.Width(16), .NumPortals(NumPortals), .Reads(3)) u_tail (
      .clk_i, .rst_i, .clear_i(enable_now), .clear_idx_i(h3_idx_q),
      .we_i(doorbell_take), .widx_i(h3_idx_q), .wdata_i(h3_wdata_q[15:0]),
      .ridx_i({q_idx_i, f_idx_i, h1_idx_q}), .rdata_o({q_tail_o, f_tail_o, h1_tail}));
  portal_ram #(.Width(16), .NumPortals(NumPortals), .Reads(2)) u_completion_head (
      .clk_i, .rst_i, .clear_i(enable_now), .clear_idx_i(h3_idx_q),
      .we_i(doorbell_take), .widx_i(h3_idx_q), .wdata_i(h3_wdata_q[31:16]),
      .ridx_i({s_idx_i, h1_idx_q}), .rdata_o({s_completion_head_o, h1_completion_head}));

  // ---- What the card keeps; all begin at 0 when the portal goes live ----

  portal_ram #(.Width(16), .NumPortals(NumPortals), .Reads(2)) u_ptr (
      .clk_i, .rst_i, .clear_i(start_now), .clear_idx_i(h3_idx_q),
      .we_i(f_we_i), .widx_i(f_widx_i), .wdata_i(f_ptr_i),
      .ridx_i({f_idx_i, h1_idx_q}), .rdata_o({f_ptr_o, h1_ptr}));
  portal_ram #(.Width(PtrW), .NumPortals(NumPortals), .Reads(2)) u_arrived (
      .clk_i, .rst_i, .clear_i(start_now), .clear_idx_i(h3_idx_q),
      .we_i(r_we_i), .widx_i(r_widx_i), .wdata_i(r_arrived_i),
      .ridx_i({s_idx_i, h1_idx_q}), .rdata_o({s_arrived_o, h1_arrived}));
  portal_ram #(.Width(PtrW), .NumPortals(NumPortals), .Reads(2)) u_taken (
      .clk_i, .rst_i, .clear_i(start_now), .clear_idx_i(h3_idx_q),
      .we_i(s_we_i), .widx_i(s_widx_i), .wdata_i(s_taken_i),
      .ridx_i({f_idx_i, s_idx_i}), .rdata_o({f_taken_o, s_taken_o}));
  portal_ram #(.Width(16), .NumPortals(NumPortals), .Reads(3)) u_completion_tail (
      .clk_i, .rst_i, .clear_i(start_now), .clear_idx_i(h3_idx_q),
      .we_i(w_we_i), .widx_i(w_widx_i), .wdata_i(w_tail_i),
      .ridx_i({w_idx_i, s_idx_i, h1_idx_q}),
      .rdata_o({w_tail_o, s_completion_tail_o, h1_completion_tail}));
  portal_ram #(.Width(16), .NumPortals(NumPortals), .Reads(4)) u_head (
      .clk_i, .rst_i, .clear_i(start_now), .clear_idx_i(h3_idx_q),
      .we_i(w_we_i), .widx_i(w_widx_i), .wdata_i(w_head_i),
      .ridx_i({q_idx_i, w_idx_i, s_idx_i, h1_idx_q}),
      .rdata_o({q_head_o, w_head_o, s_head_o, h1_head}));
  portal_ram #(.Width(BankW), .NumPortals(NumPortals), .Reads(1)) u_bank (
      .clk_i, .rst_i, .clear_i(start_now), .clear_idx_i(h3_idx_q),
      .we_i(w_we_i && w_last_i), .widx_i(w_widx_i), .wdata_i(w_bank_i),
      .ridx_i(s_idx_i), .rdata_o(s_bank_o));
  portal_ram #(.Width(CountW), .NumPortals(NumPortals), .Reads(2)) u_count (
      .clk_i, .rst_i, .clear_i(start_now), .clear_idx_i(h3_idx_q),
      .we_i(b_we_i), .widx_i(b_idx_i), .wdata_i(b_count_i),
      .ridx_i({b_idx_i, h1_idx_q}), .rdata_o({b_count_o, h1_count}));

endmodule

`default_nettype wire
