// Executes RECALL lines, one at a time.
//
// Contract: a request (the line's list and cookie, the portal's bank pointer) is always taken; its
// portal waits until answered. The one at work visits the portals one after the other: it notes the
// tail when its turn comes and stays until the head is there, or until the portal is not live,
// stalled, waiting with a RECALL itself, or started afresh: none of these can be waited for without
// a deadlock. Then it waits until the completion lines written so far have been answered by the
// bus, so that whoever sees the RECALL answered can read them. Last it names the list to the stream
// ports (stream_recall_o, one cycle), waits while stream_busy_i, which is theirs to raise in the
// next cycle, and answers.
// Cost: 1 cycle for a portal with nothing to wait for, 3 or more for
// others.
`default_nettype none

module recall_unit #(
    parameter int unsigned NumPortals = 64,
    parameter int unsigned BankW      = 2,
    parameter int unsigned PortalW    = $clog2(NumPortals)
) (
    input  wire                   clk_i,
    input  wire                   rst_i,

    input  wire                   recall_i,
    input  wire  [   PortalW-1:0] recall_idx_i,
    input  wire  [           9:0] recall_list_i,
    input  wire  [          15:0] recall_cookie_i,
    input  wire  [     BankW-1:0] recall_bank_i,

    input  wire  [NumPortals-1:0] live_i,
    input  wire  [NumPortals-1:0] stalled_i,
    input  wire                   start_i,
    input  wire  [   PortalW-1:0] start_idx_i,
    output logic [   PortalW-1:0] q_idx_o,
    input  wire  [          15:0] q_tail_i,
    input  wire  [          15:0] q_head_i,

    input  wire  [          15:0] accepted_i,
    input  wire  [          15:0] answered_i,

    output logic                  stream_recall_o,
    output logic [           9:0] stream_recall_list_o,
    input  wire                   stream_busy_i,

    output logic                  out_valid_o,
    input  wire                   out_ready_i,
    output logic [         511:0] out_line_o,
    output logic [     BankW-1:0] out_bank_o,
    output logic [   PortalW-1:0] out_portal_o
);

  typedef enum logic [3:0] {
    StIdle,
    StLook,    // is there something to wait for at this portal?
    StRead,    // its pointers
    StCompare,
    StDecide,
    StMark,
    StBus,
    StCall,    // the stream ports
    StStreams,
    StAnswer
  } state_e;

  state_e                state_q;
  (* nowrshmsk *) logic [NumPortals-1:0] waiting_q;
  logic [NumPortals-1:0] visit_q;      // worth a visit
  logic [   PortalW-1:0] portal_q, cur_q;
  logic                  noted_q, gone_q;
  logic [          15:0] goal_q, tail_q, head_q, behind_q, mark_q;
  logic [          15:0] goal;

  // The one being answered still waits, but must not be picked again.
  logic [NumPortals-1:0] busy_mask_q;
  logic [NumPortals-1:0] onehot;
  logic [   PortalW-1:0] pick_idx;
  logic                  pick;
  portal_picker #(.NumPortals(NumPortals)) u_picker (
      .clk_i, .rst_i, .req_i(waiting_q & ~busy_mask_q), .advance_i(!pick || state_q == StIdle),
      .pick_o(pick), .idx_o(pick_idx), .onehot_o(onehot));

  logic [9:0]       list;
  logic [15:0]      cookie;
  logic [BankW-1:0] bank;
  portal_ram #(.Width(26 + BankW), .NumPortals(NumPortals), .Reads(1)) u_request (
      .clk_i, .rst_i, .clear_i(1'b0), .clear_idx_i('0), .we_i(recall_i), .widx_i(recall_idx_i),
      .wdata_i({recall_bank_i, recall_list_i, recall_cookie_i}), .ridx_i(portal_q),
      .rdata_o({bank, list, cookie}));

  assign q_idx_o = cur_q;
  // The first look sets the goal.
  assign goal    = noted_q ? goal_q : tail_q;

  logic last_portal, answered;
  assign last_portal = 32'(cur_q) == NumPortals - 1;
  assign answered    = out_valid_o && out_ready_i;

  // Answers of the bus since the mark: below 0, some are missing. The sign is all that counts.
  logic [15:0] missing;
  assign missing = answered_i - mark_q;

  logic unused;
  assign unused = &{1'b0, missing};

  exalloc_pkg::completion_header_t header;
  always_comb begin
    header        = '0;
    header.opcode = exalloc_pkg::OpcodeRecall;
    header.last   = 1'b1;
    header.list   = list;
    header.status = exalloc_pkg::StatusOk;
    header.cookie = cookie;
  end

  logic [63:0] header_q;
  logic [BankW-1:0] bank_q;
  assign out_valid_o  = state_q == StAnswer;
  assign out_line_o   = 512'(header_q);
  assign out_bank_o   = bank_q;
  assign out_portal_o = portal_q;

  assign stream_recall_o      = state_q == StCall;
  assign stream_recall_list_o = header_q[exalloc_pkg::CompletionHeaderListLsb +: 10];

  always_ff @(posedge clk_i) begin
    visit_q  <= live_i & ~stalled_i & ~waiting_q;
    header_q <= header;
    bank_q   <= bank;
    tail_q   <= q_tail_i;
    head_q   <= q_head_i;
    behind_q <= goal - head_q;
    gone_q   <= (start_i && start_idx_i == cur_q) || (gone_q && state_q != StLook);

    case (state_q)
      StIdle: begin
        cur_q   <= '0;
        noted_q <= 1'b0;
        if (pick) begin
          state_q     <= StLook;
          portal_q    <= pick_idx;
          busy_mask_q <= onehot;
        end
      end
      StLook: begin
        noted_q <= 1'b0;
        if (visit_q[cur_q]) begin
          state_q <= StRead;
        end else begin
          cur_q   <= cur_q + 1'b1;
          state_q <= last_portal ? StMark : StLook;
        end
      end
      StRead: state_q <= StCompare;
      StCompare: begin
        goal_q  <= goal;
        noted_q <= 1'b1;
        state_q <= StDecide;
      end
      StDecide: begin
        // Ahead of the goal counts as there: the distance is then more than the largest ring.
        if (behind_q == '0 || behind_q > 16'(1 << exalloc_pkg::MaxRingLog2) || gone_q ||
            !visit_q[cur_q]) begin
          cur_q   <= cur_q + 1'b1;
          state_q <= last_portal ? StMark : StLook;
        end else begin
          state_q <= StRead;
        end
      end
      StMark: begin
        mark_q  <= accepted_i;
        state_q <= StBus;
      end
      StBus: if (!missing[15]) state_q <= StCall;
      StCall: state_q <= StStreams;
      StStreams: if (!stream_busy_i) state_q <= StAnswer;
      StAnswer: begin
        if (answered) begin
          state_q     <= StIdle;
          busy_mask_q <= '0;
        end
      end
      default: state_q <= StIdle;
    endcase

    if (recall_i) waiting_q[recall_idx_i] <= 1'b1;
    if (answered) waiting_q[portal_q] <= 1'b0;
    if (rst_i) begin
      state_q     <= StIdle;
      waiting_q   <= '0;
      busy_mask_q <= '0;
      visit_q     <= '0;
      cur_q       <= '0;
      portal_q    <= '0;
      noted_q     <= 1'b0;
      gone_q      <= 1'b0;
    end
  end

endmodule

`default_nettype wire
