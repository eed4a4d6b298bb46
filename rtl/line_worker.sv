// Executes one submission line at a time, as docs/protocol.md says.
//
// Contract: a job (line, domain, bank pointer, whether its phase was wrong) is taken by
// job_valid_i/job_ready_o. From the next cycle to the end of its last output, follow_ready_o says
// that the next line of the same portal may be left by follow_valid_i, up to one cycle later; it is
// begun when all operations of the line before it have been answered, with the domain and the bank
// pointer that the worker has then; the last output of that line may still wait. Its completion
// lines come out in order (phase and head 0, filled in by the portal); the output with out_last_o
// ends the job and carries the new bank pointer; it has out_write_o = 0 where the line needs no
// answer. Errors are handed over before that. A RECALL that comes here is answered like SYNC:
// waiting is the portal's part. Blocks handed out or given back are told by tell_*, from the last
// output on, and taken by tell_ready_i before the next job, or the end of the line that follows.
// Counter outputs are increments of the cycle. The requester's side of slab_crossbar is req_* and
// rsp_*.
// Cost: four lines of flip-flops (job, the one after it, the answer as it is filled and as it is
// offered), the slots, the two executors.
`default_nettype none

module line_worker #(
    parameter int unsigned NumBanks  = 4,
    parameter int unsigned NumSlabs  = 65536,  // of all banks together
    parameter int unsigned SlabWidth = 64,
    parameter int unsigned NumLists  = 255,
    parameter int unsigned DomainW   = 6,
    localparam int unsigned SlotW    = 4,
    localparam int unsigned BankW    = $clog2(NumBanks),
    localparam int unsigned SlabW    = $clog2(NumSlabs / NumBanks),
    localparam int unsigned LimitW   = $clog2(SlabWidth),
    localparam int unsigned QuarterW = SlabWidth / 4
) (
    input  wire                           clk_i,
    input  wire                           rst_i,
    // job
    input  wire                           job_valid_i,
    output logic                          job_ready_o,
    input  wire  [511:0]                  job_line_i,
    input  wire  [DomainW-1:0]            job_domain_i,
    input  wire  [BankW-1:0]              job_bank_i,
    input  wire                           job_bad_phase_i,
    // the next job, of the same portal; shares job_line_i and job_bad_phase_i
    input  wire                           follow_valid_i,
    output logic                          follow_ready_o,
    // completion lines
    output logic                          out_valid_o,
    input  wire                           out_ready_i,
    output logic                          out_write_o,
    output logic                          out_last_o,
    output logic [511:0]                  out_line_o,
    output logic [BankW-1:0]              out_bank_o,
    // engine, through the crossbar
    output logic                          req_valid_o,
    input  wire                           req_ready_i,
    output logic [BankW-1:0]              req_bank_o,
    output logic [2:0]                    req_op_o,
    output logic [7:0]                    req_list_o,
    output logic [DomainW-1:0]            req_domain_o,
    output logic [SlabW-1:0]              req_slab_o,
    output logic [LimitW-1:0]             req_limit_o,
    output logic [SlabWidth-1:0]          req_mask_o,
    output logic [SlotW-1:0]              req_slot_o,
    input  wire  [NumBanks-1:0]           rsp_valid_i,
    input  wire  [NumBanks*SlotW-1:0]     rsp_slot_i,
    input  wire  [NumBanks*4-1:0]         rsp_status_i,
    input  wire  [NumBanks*SlabW-1:0]     rsp_slab_i,
    input  wire  [NumBanks*2-1:0]         rsp_quarter_i,
    input  wire  [NumBanks*QuarterW-1:0]  rsp_bits_i,
    // errors
    output logic                          err_valid_o,
    input  wire                           err_ready_i,
    output logic [3:0]                    err_opcode_o,
    output logic [9:0]                    err_list_o,
    output logic [3:0]                    err_status_o,
    output logic [31:0]                   err_token_o,
    // what list_monitor counts
    output logic                          tell_valid_o,
    input  wire                           tell_ready_i,
    output logic                          tell_release_o,
    output logic [7:0]                    tell_list_o,
    output logic [6:0]                    tell_count_o,
    // counters
    output logic                          cnt_grant_line_o,
    output logic                          cnt_release_line_o,
    output logic                          cnt_empty_o,
    output logic [3:0]                    cnt_granted_o,
    output logic [3:0]                    cnt_released_o,
    output logic [4:0]                    cnt_surplus_o,
    output logic                          cnt_refusal_o
);

  if (SlabWidth < 8 || SlabWidth > 64 || (SlabWidth & (SlabWidth - 1)) != 0) begin : g_bad_width
    $error("line_worker: SlabWidth must be a power of two from 8 to 64");
  end
  if (NumBanks < 2 || NumBanks > 16 || (NumBanks & (NumBanks - 1)) != 0) begin : g_bad_banks
    $error("line_worker: NumBanks must be a power of two from 2 to 16");
  end
  if ((NumSlabs & (NumSlabs - 1)) != 0 || NumSlabs < 2 * NumBanks || NumSlabs > (1 << 26)) begin
    : g_bad_slabs
    $error("line_worker: NumSlabs must be a power of two from 2 * NumBanks to 2^26");
  end
  if (NumLists < 1 || NumLists > exalloc_pkg::MaxLists) begin : g_bad_lists
    $error("line_worker: NumLists must be 1 to 255");
  end

  localparam int unsigned TokensW = exalloc_pkg::TokensPerLine * 32;

  typedef enum logic [2:0] {
    StIdle, StBegin, StGrant, StRelease, StError, StLast
  } state_e;

  state_e                          state_q;
  state_e                          state_d;    // when not idle
  logic                            idle_q;     // the state is StIdle
  exalloc_pkg::submission_header_t head_q;
  logic [TokensW-1:0]              tokens_q;
  logic [DomainW-1:0]              domain_q;
  logic [BankW-1:0]                bank_q;
  logic [3:0]                      status_q;   // how the line ended
  logic                            write_q;    // the last output is a line
  logic [6:0]                      told_q;     // blocks handed out or given back
  // The next line; one taken while idle stays here for a cycle: so no multiplexer is in its way.
  logic                            next_valid_q;
  logic [511:0]                    next_line_q;
  logic                            next_bad_phase_q;
  logic                            ending;     // nothing is left to do but to offer the end
  logic                            finish;     // the end goes where it is offered
  logic                            take;       // the next line is taken, if there is one
  logic                            push;       // a line of the answer goes where it is offered
  logic                            out_free;
  logic                            job_take;
  logic [3:0]                      check;
  logic [3:0]                      check_q;

  // The completion line being filled.
  logic [TokensW-1:0]              reply_q;
  logic [3:0]                      filled_q;
  exalloc_pkg::completion_header_t reply_head;
  logic                            full;
  logic                            append;
  logic                            append_two;
  logic                            append_four;
  logic [2:0]                      append_count;
  logic [exalloc_pkg::TokensPerLine-1:0] append_at;    // place of the token, or of the first one
  logic [exalloc_pkg::TokensPerLine-1:0] append_odd;   // places of the second and the fourth
  logic [exalloc_pkg::TokensPerLine-1:0] append_high;  // places of the third and the fourth
  logic [exalloc_pkg::TokensPerLine-1:0] put;          // places written
  logic                            clear;
  logic [31:0]                     append_token;

  logic                 grant_start;
  logic                 grant_done;
  logic                 grant_good;
  logic [3:0]           grant_status;
  logic [BankW-1:0]     grant_bank;
  logic                 grant_req_valid;
  logic                 grant_req_release;
  logic [BankW-1:0]     grant_req_bank;
  logic [SlabW-1:0]     grant_req_slab;
  logic [SlabWidth-1:0] grant_req_mask;
  logic [SlotW-1:0]     grant_req_slot;
  logic                 grant_clear;
  logic [SlotW-1:0]     grant_read_slot;
  logic [BankW-1:0]     grant_read_bank;
  logic                 token_valid;
  logic                 token_ready;
  logic                 token_two;
  logic                 token_four;
  logic [1:0]           token_room;
  logic [31:0]          token;

  logic                 release_start;
  logic                 release_done;
  logic                 release_req_valid;
  logic [BankW-1:0]     release_req_bank;
  logic [SlabW-1:0]     release_req_slab;
  logic [SlabWidth-1:0] release_req_mask;
  logic [SlotW-1:0]     release_req_slot;
  logic                 release_clear;
  logic [SlotW-1:0]     release_read_slot;
  logic [BankW-1:0]     release_read_bank;
  logic                 refuse_valid;
  logic [31:0]          refuse_token;
  logic [3:0]           refuse_status;

  logic                 granting;
  logic                 pending;
  logic                 refused;
  logic [(1<<SlotW)-1:0] came;
  logic                 failed;
  logic [3:0]           read_status;
  logic [SlabW-1:0]     read_slab;
  logic [1:0]           read_quarter;
  logic [QuarterW-1:0]  read_bits;

  assign granting      = state_q == StGrant;
  assign grant_good    = grant_status == exalloc_pkg::StatusOk ||
                         grant_status == exalloc_pkg::StatusEmpty;
  assign grant_start   = state_q == StBegin && check_q == exalloc_pkg::StatusOk &&
                         head_q.opcode == exalloc_pkg::OpcodeGrant;
  assign release_start = state_q == StBegin && check_q == exalloc_pkg::StatusOk &&
                         head_q.opcode == exalloc_pkg::OpcodeRelease;

  always_ff @(posedge clk_i) begin
    if (job_take || follow_valid_i) begin
      next_line_q      <= job_line_i;
      next_bad_phase_q <= job_bad_phase_i;
    end
    next_valid_q <= !rst_i && (job_take || follow_valid_i || (next_valid_q && !take));
  end

  line_check #(
      .FirstOpcode(exalloc_pkg::OpcodeGrant),
      .LastOpcode (exalloc_pkg::OpcodeSync),
      .NumLists   (NumLists)
  ) u_check (
      .header_i   (next_line_q[63:0]),
      .bad_phase_i(next_bad_phase_q),
      .status_o   (check)
  );

  line_grant #(
      .NumBanks (NumBanks),
      .SlabW    (SlabW),
      .SlabWidth(SlabWidth),
      .SlotW    (SlotW)
  ) u_grant (
      .clk_i,
      .rst_i,
      .start_i       (grant_start),
      .count_i       (next_line_q[exalloc_pkg::SubmissionHeaderCountLsb +: 7]),
      .bank_i        (bank_q),
      .done_o        (grant_done),
      .status_o      (grant_status),
      .bank_o        (grant_bank),
      .req_valid_o   (grant_req_valid),
      .req_ready_i,
      .req_release_o (grant_req_release),
      .req_bank_o    (grant_req_bank),
      .req_slab_o    (grant_req_slab),
      .req_mask_o    (grant_req_mask),
      .req_slot_o    (grant_req_slot),
      .pending_i     (pending),
      .came_i        (came[14:0]),
      .refused_i     (refused),
      .clear_o       (grant_clear),
      .read_slot_o   (grant_read_slot),
      .read_bank_o   (grant_read_bank),
      .read_status_i (read_status),
      .read_slab_i   (read_slab),
      .read_quarter_i(read_quarter),
      .read_bits_i   (read_bits),
      .token_valid_o (token_valid),
      .token_ready_i (token_ready),
      .token_o       (token),
      .token_two_o   (token_two),
      .token_four_o  (token_four),
      .token_room_i  (token_room),
      .surplus_o     (cnt_surplus_o)
  );

  line_release #(
      .NumBanks (NumBanks),
      .NumSlabs (NumSlabs),
      .SlabWidth(SlabWidth),
      .SlotW    (SlotW)
  ) u_release (
      .clk_i,
      .rst_i,
      .load_count_i   (next_line_q[exalloc_pkg::SubmissionHeaderCountLsb +: 4]),
      .load_tokens_i  (next_line_q[127:64]),
      .start_i        (release_start),
      .count_i        (head_q.count[3:0]),
      .tokens_i       (tokens_q),
      .done_o         (release_done),
      .req_valid_o    (release_req_valid),
      .req_ready_i,
      .req_bank_o     (release_req_bank),
      .req_slab_o     (release_req_slab),
      .req_mask_o     (release_req_mask),
      .req_slot_o     (release_req_slot),
      .pending_i      (pending),
      .failed_i       (failed),
      .clear_o        (release_clear),
      .read_slot_o    (release_read_slot),
      .read_bank_o    (release_read_bank),
      .read_status_i  (read_status),
      .refuse_valid_o (refuse_valid),
      .refuse_ready_i (err_ready_i),
      .refuse_token_o (refuse_token),
      .refuse_status_o(refuse_status)
  );

  response_slots #(
      .NumBanks(NumBanks),
      .SlotW   (SlotW),
      .SlabW   (SlabW),
      .QuarterW(QuarterW)
  ) u_slots (
      .clk_i,
      .rst_i,
      .clear_i       (granting ? grant_clear : release_clear),
      .sent_i        (req_valid_o && req_ready_i),
      .pending_o     (pending),
      .came_o        (came),
      .refused_o     (refused),
      .failed_o      (failed),
      .rsp_valid_i,
      .rsp_slot_i,
      .rsp_status_i,
      .rsp_slab_i,
      .rsp_quarter_i,
      .rsp_bits_i,
      .read_slot_i   (granting ? grant_read_slot : release_read_slot),
      .read_bank_i   (granting ? grant_read_bank : release_read_bank),
      .read_status_o (read_status),
      .read_slab_o   (read_slab),
      .read_quarter_o(read_quarter),
      .read_bits_o   (read_bits)
  );

  assign req_valid_o  = grant_req_valid || release_req_valid;
  assign req_op_o     = (granting && !grant_req_release) ? exalloc_pkg::BankOpGrant
                                                         : exalloc_pkg::BankOpRelease;
  assign req_bank_o   = granting ? grant_req_bank : release_req_bank;
  assign req_slab_o   = granting ? grant_req_slab : release_req_slab;
  assign req_mask_o   = granting ? grant_req_mask : release_req_mask;
  assign req_slot_o   = granting ? grant_req_slot : release_req_slot;
  assign req_list_o   = head_q.list[7:0];
  assign req_domain_o = domain_q;
  assign req_limit_o  = '0;

  assign err_valid_o   = refuse_valid || state_q == StError;
  assign err_opcode_o  = head_q.opcode;
  assign err_list_o    = head_q.list;
  assign err_status_o  = (state_q == StError) ? status_q : refuse_status;
  assign err_token_o   = (state_q == StError) ? '0 : refuse_token;
  assign cnt_refusal_o = err_valid_o && err_ready_i;

  // A refused token is recorded and appended in the same cycle: it always fits. A granted one waits
  // until a full line goes out, and becomes the first of the next.
  assign full         = filled_q == 4'(exalloc_pkg::TokensPerLine);
  assign token_ready  = !full || out_free;
  assign append       = (token_valid && token_ready) || (refuse_valid && err_ready_i);
  always_comb begin
    for (int unsigned i = 0; i < exalloc_pkg::TokensPerLine; i = i + 1) begin
      append_at[i] = filled_q == 4'(i) || (i == 0 && full);
    end
  end
  assign append_odd  = append_at << 1 | append_at << 3;
  assign append_high = append_at << 2 | append_at << 3;
  assign put = append_at & {$bits(put){append && !rst_i}} |
               append_at << 1 & {$bits(put){append && !rst_i && (append_two || append_four)}} |
               append_high & {$bits(put){append && !rst_i && append_four}};
  assign clear = rst_i || state_q == StError || push;
  assign append_two   = granting && token_two;
  assign append_four  = granting && token_four;
  assign append_count = append_four ? 3'd4 : append_two ? 3'd2 : 3'd1;
  assign token_room   = {filled_q <= 4'(exalloc_pkg::TokensPerLine - 4) || full,
                         filled_q != 4'(exalloc_pkg::TokensPerLine - 1)};
  assign append_token = granting ? token : refuse_token;

  always_comb begin
    reply_head        = '0;
    reply_head.opcode = head_q.opcode;
    reply_head.list   = head_q.list;
    reply_head.cookie = head_q.cookie;
    reply_head.count  = 8'(filled_q);
    reply_head.last   = ending;
    reply_head.status = !ending ? exalloc_pkg::StatusOk : granting ? grant_status : status_q;
  end

  logic unused_head;  // line_check has looked at the rest; line_release waits for all answers
  assign unused_head = &{1'b0, head_q, came};

  // A full line goes out early only when another token is there for the next one. What is offered
  // has a register of its own: neither the next tokens nor the next line wait until it is taken.
  assign out_free = !out_valid_o || out_ready_i;
  assign ending   = state_q == StLast || release_done || (grant_done && grant_good);
  assign finish   = ending && out_free && (told_q == '0 || !tell_valid_o);
  assign push     = finish || (granting && full && token_valid && out_free);
  assign take     = idle_q || finish;

  always_ff @(posedge clk_i) begin
    if (out_free) begin
      out_last_o  <= ending;
      out_write_o <= !ending || write_q;
      out_line_o  <= {reply_q, reply_head};
      out_bank_o  <= granting ? grant_bank : bank_q;
    end
    out_valid_o <= !rst_i && (push || !out_free);
  end

  assign job_take = job_valid_i && job_ready_o;

  // Another portal's line only when nothing of this one is left here.
  always_ff @(posedge clk_i) begin
    job_ready_o <= !rst_i && idle_q && out_free && (!tell_valid_o || tell_ready_i) &&
                   !next_valid_q && !follow_valid_i && !job_take;
  end
  // (!idle_q || out_valid_o) && !next_valid_q, as a register. No job comes while one of the first
  // two is so, and a line that ends is in out_valid_o the cycle after.
  always_ff @(posedge clk_i) begin
    follow_ready_o <= !rst_i && !follow_valid_i &&
                      (next_valid_q ? take : !idle_q || !out_free);
  end

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle: ;
      StBegin: begin
        if (check_q != exalloc_pkg::StatusOk) begin
          state_d = StError;
        end else if (grant_start) begin
          state_d = StGrant;
        end else if (release_start) begin
          state_d = StRelease;
        end else begin
          state_d = StLast;
        end
      end
      StGrant: begin
        if (grant_done) begin
          state_d = grant_good ? StLast : StError;
        end
      end
      StRelease: begin
        if (release_done) begin
          state_d = StLast;
        end
      end
      StError: begin
        if (err_ready_i) begin
          state_d = StLast;
        end
      end
      StLast: ;
      default: state_d = StIdle;
    endcase
    if (finish) begin
      state_d = next_valid_q ? StBegin : StIdle;
    end
  end

  always_ff @(posedge clk_i) begin
    state_q <= !idle_q ? state_d : next_valid_q ? StBegin : StIdle;
    idle_q  <= !next_valid_q && (idle_q || finish);
    if (rst_i) begin
      state_q <= StIdle;
      idle_q  <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      head_q      <= next_line_q[63:0];
      tokens_q    <= next_line_q[511:64];
      check_q     <= check;
    end
    if (idle_q && !out_valid_o && !next_valid_q && !follow_valid_i) begin
      domain_q <= job_domain_i;
      bank_q   <= job_bank_i;
    end else if (grant_done) begin
      bank_q <= grant_bank;
    end
    if (state_q == StBegin) begin
      status_q <= check_q;
      write_q  <= !release_start || head_q.ack;
    end else if (grant_done) begin
      status_q <= grant_status;
    end else if (refuse_valid && err_ready_i) begin
      write_q <= 1'b1;
      if (filled_q == '0) begin
        status_q <= refuse_status;
      end
    end
  end

  // The reply; what it held is gone once it went out, and when a GRANT was refused on its way.
  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < exalloc_pkg::TokensPerLine; i = i + 1) begin
      if (clear && !put[i]) begin
        reply_q[i*32 +: 32] <= '0;
      end else if (put[i]) begin
        reply_q[i*32 +: 32] <= {append_token[31:2], append_token[1] || append_high[i],
                                append_token[0] || append_odd[i]};
      end
    end
    if (append) begin
      filled_q <= (full ? 4'd0 : filled_q) + 4'(append_count);
    end else if (clear) begin
      filled_q <= '0;
    end
    if (rst_i) begin
      filled_q <= '0;
    end
  end

  // What was handed out or given back. When a GRANT is refused on its way, what its reply held is
  // not handed out.
  always_ff @(posedge clk_i) begin
    if (take) begin
      told_q <= '0;
    end else if (release_start) begin
      told_q <= 7'(head_q.count[3:0]);
    end else if (append) begin
      told_q <= granting ? told_q + 7'(append_count) : told_q - 7'd1;
    end else if (state_q == StError) begin
      told_q <= told_q - 7'(filled_q);
    end
    if (!tell_valid_o) begin
      tell_release_o <= head_q.opcode == exalloc_pkg::OpcodeRelease;
      tell_list_o    <= head_q.list[7:0];
      tell_count_o   <= told_q;
    end
    tell_valid_o <= !rst_i && (tell_valid_o ? !tell_ready_i : finish && told_q != '0);
  end

  assign cnt_grant_line_o   = grant_done;
  assign cnt_release_line_o = release_done;
  assign cnt_empty_o        = grant_done && grant_status == exalloc_pkg::StatusEmpty;
  assign cnt_granted_o      = (push && head_q.opcode == exalloc_pkg::OpcodeGrant) ? filled_q : '0;
  assign cnt_released_o     = release_done ? told_q[3:0] : '0;

endmodule

`default_nettype wire
