// Hands submission lines to idle workers, round-robin over the portals, one line of a portal at a
// time; and the line after it to the same worker while that is still at work.
//
// Contract: a portal is looked at when a line arrives, when its line is done, and when the host
// rings. It is stalled when a line is there but no room for 8 completion lines; the next doorbell
// has it looked at again, so it never holds a worker meanwhile. Well-formed RECALL lines go to the
// recall unit, which always takes them; POP, PUSH and SHARE lines of the right phase to the
// lookaside unit at the side, which has one in hand at a time; all others, bad ones included, to a
// worker. A portal whose line is done, or for which one arrives, is looked at in the next cycle if
// the picker has no other: only those that find it busy, and doorbells, wait for their turn.
// While a worker has a portal's only line in hand, the portal is looked at again: if its next line
// is a GRANT or RELEASE, and there is room for both answers, the worker gets it to follow. Such a
// look waits for nothing and leaves nothing behind if it fails: the end of the line in hand has the
// portal looked at anyway.
// A worker that is ready stays so until it gets a line. The next one to get one is chosen a cycle
// ahead: no path goes from one worker through here into another.
// What the table keeps of the line taken (s_we_o) comes a cycle after it left the third stage, with
// the job: so no path goes from the workers through here into table and line_fetch.
// Cost: 4 stages from request to job, one line a cycle; 512 flip-flops for the job; ≤ 6 LUT levels.
`default_nettype none

module portal_scheduler #(
    parameter int unsigned NumPortals = 64,
    parameter int unsigned NumWorkers = 8,
    parameter int unsigned NumLists   = 255,
    parameter int unsigned BufferW    = 4,
    parameter int unsigned DomainW    = 6,
    parameter int unsigned BankW      = 2,
    parameter int unsigned PortalW    = $clog2(NumPortals)
) (
    input  wire                           clk_i,
    input  wire                           rst_i,

    input  wire                           event_i,
    input  wire  [           PortalW-1:0] event_idx_i,
    input  wire                           arrive_i,
    input  wire  [           PortalW-1:0] arrive_idx_i,
    input  wire                           done_i,        // the line in hand is done
    input  wire  [           PortalW-1:0] done_idx_i,
    output logic [        NumPortals-1:0] waiting_o,
    output logic [        NumPortals-1:0] in_hand_o,
    output logic [        NumPortals-1:0] stalled_o,

    // Portal table.
    output logic [           PortalW-1:0] s_idx_o,
    input  wire                           s_live_i,
    input  wire  [             BufferW:0] s_arrived_i,
    input  wire  [             BufferW:0] s_taken_i,
    input  wire  [                  15:0] s_completion_head_i,
    input  wire  [                  15:0] s_completion_tail_i,
    input  wire  [                  15:0] s_head_i,
    input  wire  [                   3:0] s_ring_log2_i,
    input  wire  [           DomainW-1:0] s_domain_i,
    input  wire  [             BankW-1:0] s_bank_i,
    output logic                          s_we_o,
    output logic [           PortalW-1:0] s_widx_o,
    output logic [             BufferW:0] s_taken_o,

    // Line buffer.
    output logic                          buffer_re_o,
    output logic [   PortalW+BufferW-1:0] buffer_addr_o,
    input  wire  [                 511:0] buffer_data_i,

    // Workers; each remembers its portal here.
    output logic [        NumWorkers-1:0] job_valid_o,
    input  wire  [        NumWorkers-1:0] job_ready_i,
    output logic [                 511:0] job_line_o,
    output logic [           DomainW-1:0] job_domain_o,
    output logic [             BankW-1:0] job_bank_o,
    output logic                          job_bad_phase_o,
    output logic [NumWorkers*PortalW-1:0] worker_portal_o,
    // The next line of the portal the worker is at work for; shares job_line_o and job_bad_phase_o.
    output logic [        NumWorkers-1:0] follow_valid_o,
    input  wire  [        NumWorkers-1:0] follow_ready_i,

    // The lookaside unit; shares job_line_o and its companions.
    output logic                          side_valid_o,
    input  wire                           side_ready_i,
    output logic [           PortalW-1:0] side_portal_o,

    // Recall unit.
    output logic                          recall_o,
    output logic [           PortalW-1:0] recall_idx_o
);

  localparam int unsigned PtrW = BufferW + 1;

  logic job_worker_q;  // the job is for an idle worker
  logic job_more_q;    // its portal has more lines
  logic p3_ahead_q;    // the line looked at would follow the one in hand

  // ---- Whom to look at ----

  // Of each portal: being looked at; one line in hand; two lines, the second one to follow.
  (* nowrshmsk *) logic [NumPortals-1:0] looking_q, held_q, two_q;
  (* nowrshmsk *) logic [NumPortals-1:0] pending_q, stalled_q, onehot;
  logic [   PortalW-1:0] pick_idx;
  logic                  pick, advance;

  logic [NumPortals-1:0] turn_onehot, quick_onehot;
  logic [   PortalW-1:0] turn_idx, quick_idx_q;
  logic                  turn, quick, quick_q;

  portal_picker #(.NumPortals(NumPortals)) u_picker (
      .clk_i, .rst_i, .req_i(pending_q & ~looking_q & ~two_q & ~quick_onehot),
      .advance_i(advance), .pick_o(turn), .idx_o(turn_idx), .onehot_o(turn_onehot));

  // Past the picker, while it has nobody: who asks now and is not in its round, which holds no
  // portal being looked at and none that did not ask before.
  assign quick        = quick_q && !turn;
  assign quick_onehot = NumPortals'(quick) << quick_idx_q;
  assign pick         = turn || quick;
  assign pick_idx     = turn ? turn_idx : quick_idx_q;
  assign onehot       = turn_onehot | quick_onehot;

  always_ff @(posedge clk_i) begin
    if (!quick || advance) begin
      quick_q     <= done_i ? !pending_q[done_idx_i] && !looking_q[done_idx_i]
                            : arrive_i && !pending_q[arrive_idx_i] && !looking_q[arrive_idx_i] &&
                              !two_q[arrive_idx_i];
      quick_idx_q <= done_i ? done_idx_i : arrive_idx_i;
    end
    if (rst_i) quick_q <= 1'b0;
  end

  logic               p1_q, p2_q, p3_q;
  logic [PortalW-1:0] p1_idx_q, p2_idx_q, p3_idx_q;
  logic               nothing, stall, go, job_free;

  always_ff @(posedge clk_i) begin
    pending_q <= pending_q & ~onehot;
    looking_q <= looking_q | onehot;
    if (nothing) looking_q[p3_idx_q] <= 1'b0;
    if (s_we_o) looking_q[s_widx_o] <= 1'b0;
    if ((go || nothing) && !p3_ahead_q) stalled_q[p3_idx_q] <= stall;
    if (done_i) two_q[done_idx_i] <= 1'b0;
    if (done_i && !two_q[done_idx_i]) held_q[done_idx_i] <= 1'b0;
    if (go) held_q[p3_idx_q] <= 1'b1;
    if (go && p3_ahead_q) two_q[p3_idx_q] <= 1'b1;
    if (s_we_o && job_worker_q && job_more_q) pending_q[s_widx_o] <= 1'b1;
    if (done_i) pending_q[done_idx_i] <= 1'b1;
    if (arrive_i) pending_q[arrive_idx_i] <= 1'b1;
    if (event_i) pending_q[event_idx_i] <= 1'b1;
    if (rst_i) begin
      pending_q <= '0;
      looking_q <= '0;
      held_q    <= '0;
      two_q     <= '0;
      stalled_q <= '0;
    end
  end

  assign waiting_o = pending_q;
  assign in_hand_o = looking_q | held_q;
  assign stalled_o = stalled_q;

  // ---- Pipeline: read the table; read the buffer and check the room; the line ----

  logic               p1_live_q, p2_line_q, p2_live_q, p3_go_q, p3_stall_q;
  logic [   PtrW-1:0] p1_arrived_q, p1_taken_q, p2_taken_q, p3_taken_q;
  logic [       15:0] p1_chead_q, p1_ctail_q, p2_used_q, p1_head_q;
  logic [        3:0] p1_ring_q;
  logic [       15:0] p2_most_q;  // completion lines there may be, for a whole answer to fit
  logic [DomainW-1:0] p1_domain_q, p2_domain_q, p3_domain_q;
  logic [  BankW-1:0] p1_bank_q, p2_bank_q, p3_bank_q;
  logic               p2_phase_q, p3_phase_q;
  logic               p1_ahead_q, p2_ahead_q;
  logic               p2_more_q, p3_more_q;    // there are lines after this one
  logic [       15:0] p1_number;
  assign p1_number = p1_head_q + 16'(p1_ahead_q);

  assign s_idx_o       = pick_idx;
  assign buffer_re_o   = advance;
  assign buffer_addr_o = {p1_idx_q, p1_taken_q[BufferW-1:0]};

  logic room;
  assign room = p2_used_q <= p2_most_q;

  always_ff @(posedge clk_i) begin
    if (advance) begin
      p1_q         <= pick;
      p1_idx_q     <= pick_idx;
      p1_live_q    <= s_live_i;
      p1_arrived_q <= s_arrived_i;
      p1_taken_q   <= s_taken_i;
      p1_chead_q   <= s_completion_head_i;
      p1_ctail_q   <= s_completion_tail_i;
      p1_head_q    <= s_head_i;
      p1_ring_q    <= s_ring_log2_i;
      p1_domain_q  <= s_domain_i;
      p1_bank_q    <= s_bank_i;
      p1_ahead_q   <= held_q[pick_idx];

      p2_q         <= p1_q;
      p2_idx_q     <= p1_idx_q;
      p2_live_q    <= p1_live_q;
      p2_line_q    <= p1_arrived_q != p1_taken_q;
      p2_used_q    <= p1_ctail_q - p1_chead_q;
      p2_most_q    <= (16'd1 << p1_ring_q) - (p1_ahead_q ? 16'd16 : 16'd8);
      p2_taken_q   <= p1_taken_q + 1'b1;
      // All earlier lines are done, but for the one in hand: the head, or the next number.
      p2_phase_q   <= !p1_number[p1_ring_q];
      p2_ahead_q   <= p1_ahead_q;
      p2_more_q    <= p1_arrived_q != PtrW'(p1_taken_q + 1'b1);
      p2_domain_q  <= p1_domain_q;
      p2_bank_q    <= p1_bank_q;

      p3_q         <= p2_q;
      p3_idx_q     <= p2_idx_q;
      p3_go_q      <= p2_live_q && p2_line_q && room;
      p3_stall_q   <= p2_live_q && p2_line_q && !room;
      p3_taken_q   <= p2_taken_q;
      p3_phase_q   <= p2_phase_q;
      p3_domain_q  <= p2_domain_q;
      p3_bank_q    <= p2_bank_q;
      p3_ahead_q   <= p2_ahead_q;
      p3_more_q    <= p2_more_q;
    end
    // Who works for the portal. An idle worker that is given another one's line no longer does.
    for (int unsigned w = 0; w < NumWorkers; w = w + 1) begin
      if (advance) p3_match_q[w] <= worker_portal_o[w*PortalW+:PortalW] == p2_idx_q;
      if (job_valid_o[w]) p3_match_q[w] <= 1'b0;
    end
    if (rst_i) begin
      p1_q <= 1'b0;
      p2_q <= 1'b0;
      p3_q <= 1'b0;
    end
  end

  exalloc_pkg::submission_header_t header;
  assign header = buffer_data_i[63:0];

  // The worker that the line in p3 can follow at: it has the portal's line in hand.
  logic [NumWorkers-1:0] p3_match_q, follow;
  logic                  can_follow;
  assign follow     = p3_match_q & follow_ready_i;
  assign can_follow = follow != '0 && (header.opcode == exalloc_pkg::OpcodeGrant ||
                                       header.opcode == exalloc_pkg::OpcodeRelease);

  assign advance = !(p3_q && p3_go_q && !p3_ahead_q) || job_free;
  assign go      = p3_q && p3_go_q && job_free && (!p3_ahead_q || can_follow);
  assign nothing = p3_q && !go && (!p3_go_q || p3_ahead_q);
  assign stall   = p3_stall_q;

  always_ff @(posedge clk_i) begin
    s_we_o    <= go && !rst_i;
    s_widx_o  <= p3_idx_q;
    s_taken_o <= p3_taken_q;
  end

  // ---- The job ----

  logic is_recall;
  assign is_recall = header.phase == p3_phase_q && header.opcode == exalloc_pkg::OpcodeRecall &&
                     !header.reserved_7_7 && !header.call && header.reserved_31_26 == '0 &&
                     header.give == '0 && header.count == '0 &&
                     32'(header.list) < NumLists;

  logic is_side;
  assign is_side = header.phase == p3_phase_q && header.opcode >= exalloc_pkg::OpcodePop &&
                   header.opcode <= exalloc_pkg::OpcodeShare;

  // Whose the job is, if there is one.
  logic                  job_side_q, job_recall_q, job_bad_phase_q;
  logic [   PortalW-1:0] job_idx_q;
  logic [         511:0] job_line_q;
  logic [   DomainW-1:0] job_domain_q;
  logic [     BankW-1:0] job_bank_q;
  logic [NumWorkers-1:0] free, chosen_q, job_follow_q;
  logic                  any_q;  // one is chosen

  // Who could be next: not who gets a line now.
  assign free = job_ready_i & ~job_valid_o & ~follow_valid_o;
  always_ff @(posedge clk_i) begin
    for (int unsigned w = 0; w < NumWorkers; w = w + 1) begin
      chosen_q[w] <= free[w] && (free & ~({NumWorkers{1'b1}} << w)) == '0;
    end
    any_q <= free != '0;
    if (rst_i) begin
      chosen_q <= '0;
      any_q    <= 1'b0;
    end
  end

  assign job_free = !(job_worker_q && !any_q) && !(job_side_q && !side_ready_i);

  always_ff @(posedge clk_i) begin
    if (job_free) begin
      job_worker_q    <= p3_q && p3_go_q && !p3_ahead_q && !is_recall && !is_side;
      job_side_q      <= p3_q && p3_go_q && !p3_ahead_q && is_side;
      job_recall_q    <= p3_q && p3_go_q && !p3_ahead_q && is_recall;
      job_follow_q    <= follow & {NumWorkers{go && p3_ahead_q}};
      job_bad_phase_q <= header.phase != p3_phase_q;
      job_idx_q       <= p3_idx_q;
      job_line_q      <= buffer_data_i;
      job_domain_q    <= p3_domain_q;
      job_bank_q      <= p3_bank_q;
      job_more_q      <= p3_more_q;
    end
    for (int unsigned w = 0; w < NumWorkers; w = w + 1) begin
      if (job_valid_o[w]) worker_portal_o[w*PortalW+:PortalW] <= job_idx_q;
    end
    if (side_valid_o && side_ready_i) side_portal_o <= job_idx_q;
    if (rst_i) begin
      job_worker_q <= 1'b0;
      job_side_q   <= 1'b0;
      job_recall_q <= 1'b0;
      job_follow_q <= '0;
    end
  end

  assign job_valid_o     = chosen_q & {NumWorkers{job_worker_q}};
  assign follow_valid_o  = job_follow_q;
  assign side_valid_o    = job_side_q;
  assign job_line_o      = job_line_q;
  assign job_domain_o    = job_domain_q;
  assign job_bank_o      = job_bank_q;
  assign job_bad_phase_o = job_bad_phase_q;
  assign recall_o        = job_recall_q;
  assign recall_idx_o    = job_idx_q;

  logic unused;
  assign unused = &{1'b0, header};

endmodule

`default_nettype wire
