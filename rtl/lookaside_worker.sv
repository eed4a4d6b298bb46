// Executes POP, PUSH and SHARE lines one at a time, as docs/protocol.md says.
//
// Contract: jobs, completion lines and errors are those of line_worker; the bank pointer comes back
// as it was. While hold_o is set nobody else may use the engine: a line is executed as a whole.
// Every operation carries tag 1 if its answer is waited for; answers to others are not shown here.
// Counter outputs are increments of the cycle.
// Cost: two lines of flip-flops (job, answer), 16 entries of distributed memory. A line takes 8
// cycles beside one for each entry (SHARE: 12 in all), as long as its answers find room; a PUSH
// that gives shares back takes 9 more.
`default_nettype none

module lookaside_worker #(
    parameter int unsigned NumLists = 64,
    parameter int unsigned DomainW  = 6,
    parameter int unsigned BankW    = 2,
    parameter int unsigned CountW   = 9,
    localparam int unsigned ListW   = $clog2(NumLists)
) (
    input  wire                clk_i,
    input  wire                rst_i,
    output logic               hold_o,
    // job
    input  wire                job_valid_i,
    output logic               job_ready_o,
    input  wire  [511:0]       job_line_i,
    input  wire  [DomainW-1:0] job_domain_i,
    input  wire  [BankW-1:0]   job_bank_i,
    input  wire                job_bad_phase_i,
    // completion lines
    output logic               out_valid_o,
    input  wire                out_ready_i,
    output logic               out_write_o,
    output logic               out_last_o,
    output logic [511:0]       out_line_o,
    output logic [BankW-1:0]   out_bank_o,
    // errors
    output logic               err_valid_o,
    input  wire                err_ready_i,
    output logic [3:0]         err_opcode_o,
    output logic [9:0]         err_list_o,
    output logic [3:0]         err_status_o,
    output logic [31:0]        err_token_o,
    // engine
    output logic               req_valid_o,
    input  wire                req_ready_i,
    output logic [2:0]         req_op_o,
    output logic [ListW-1:0]   req_list_o,
    output logic [DomainW-1:0] req_domain_o,
    output logic [63:0]        req_data_o,
    output logic               req_tag_o,
    input  wire                rsp_valid_i,
    input  wire  [3:0]         rsp_status_i,
    input  wire  [63:0]        rsp_data_i,
    input  wire  [CountW-1:0]  rsp_depth_i,
    input  wire  [CountW-1:0]  rsp_held_i,
    input  wire  [CountW-1:0]  rsp_reserved_i,
    // counters
    output logic               cnt_line_o,
    output logic               cnt_popped_o,
    output logic               cnt_pushed_o
);

  localparam int unsigned Entries  = exalloc_pkg::EntriesPerLine;
  localparam int unsigned EntriesW = Entries * 64;
  localparam int unsigned LeftW    = $clog2(exalloc_pkg::MaxPop + 1);
  localparam int unsigned Queue    = 16;  // covers the way through the engine and back
  localparam int unsigned CreditW  = $clog2(Queue) + 1;

  typedef enum logic [2:0] {StIdle, StCheck, StRun, StError, StLast} state_e;

  state_e                          state_q;
  exalloc_pkg::submission_header_t head_q;
  logic [63:0]                     counts_q;   // the host's
  logic [EntriesW-1:0]             entries_q;  // the next to be pushed lowest, or the share
  logic [DomainW-1:0]              domain_q;
  logic [BankW-1:0]                bank_q;
  logic                            bad_phase_q;
  logic [3:0]                      check;
  logic [3:0]                      check_q;
  logic                            popping;
  logic                            pushing;
  logic                            sharing;
  logic                            shares;   // an operation on shares comes first

  assign popping = head_q.opcode == exalloc_pkg::OpcodePop;
  assign pushing = head_q.opcode == exalloc_pkg::OpcodePush;
  assign sharing = head_q.opcode == exalloc_pkg::OpcodeShare;
  assign shares  = sharing || (pushing && head_q.give != '0);

  line_check #(
      .FirstOpcode(exalloc_pkg::OpcodePop),
      .LastOpcode (exalloc_pkg::OpcodeShare),
      .NumLists   (NumLists)
  ) u_check (
      .header_i   (head_q),
      .bad_phase_i(bad_phase_q),
      .status_o   (check)
  );

  // ---- Operations: those of the line, then the account of the host's counts; an account of a miss
  // may follow when the line has been answered. The state comes with the answer to the last
  // operation, or to the account of a PUSH without entries. One on shares is awaited before
  // anything else is sent: when it is refused, so is the line ----

  logic [LeftW-1:0]   left_q;       // to be sent
  logic [LeftW-1:0]   awaited_q;    // answers still to come
  logic [CreditW-1:0] credit_q;     // places in the queue
  logic               account_q;    // the counts are still to be added
  logic               miss_q;       // a miss is
  logic               shares_q;     // the operation on shares is not done
  logic               shared;       // it is now
  logic               alone_q;      // the account is all there is
  logic               send_main;
  logic               sent;
  logic               sent_main;
  logic               checked;

  assign checked   = state_q == StRun && check_q == exalloc_pkg::StatusOk;
  assign send_main = checked && left_q != '0 && credit_q != '0;
  assign sent      = req_valid_o && req_ready_i;
  assign sent_main = send_main && req_ready_i;
  assign shared    = shares_q && rsp_valid_i && rsp_ok;

  exalloc_pkg::lookaside_share_t given;
  always_comb begin
    given      = '0;
    given.give = head_q.give;
  end

  exalloc_pkg::lookaside_counts_t miss;
  always_comb begin
    miss                 = '0;
    miss.allocate_misses = 16'(popping);
    miss.free_misses     = 16'(pushing);
  end

  assign req_valid_o  = send_main || (left_q == '0 && (account_q || miss_q));
  assign req_list_o   = head_q.list[ListW-1:0];
  assign req_domain_o = domain_q;
  assign req_tag_o    = left_q != '0 || alone_q;
  always_comb begin
    if (left_q == '0) begin
      req_op_o   = exalloc_pkg::LookasideOpAccount;
      req_data_o = account_q ? counts_q : miss;
    end else begin
      req_op_o   = shares_q ? exalloc_pkg::LookasideOpShare :
                   popping ? exalloc_pkg::LookasideOpPop : exalloc_pkg::LookasideOpPush;
      req_data_o = (shares_q && pushing) ? given : entries_q[63:0];
    end
  end

  // ---- Answers: entries popped or not pushed go through a queue into the reply ----

  logic                   rsp_ok;
  logic                   rsp_refused;
  logic                   rsp_entry;
  logic [3:0]             status_q;     // how the line ended
  logic                   refused_q;
  logic                   moved_q;      // an entry was pushed or popped
  logic [CountW-1:0]      depth_q;
  logic [CountW-1:0]      held_q;
  logic [CountW-1:0]      reserved_q;
  logic [CountW-1:0]      granted_q;
  logic                   entry_valid;
  logic                   entry_taken;
  logic [63:0]            entry;
  logic [CreditW-1:0]     entries;
  logic                   unused_room;
  logic                   finished;

  assign rsp_ok      = rsp_status_i == exalloc_pkg::StatusOk;
  assign rsp_refused = !(rsp_ok || rsp_status_i == exalloc_pkg::StatusEmpty ||
                         rsp_status_i == exalloc_pkg::StatusFull);
  assign rsp_entry   = rsp_valid_i && ((popping && rsp_ok) ||
                                       rsp_status_i == exalloc_pkg::StatusFull);

  sync_fifo #(
      .Width(64),
      .Depth(Queue)
  ) u_entries (
      .clk_i,
      .rst_i,
      .in_valid_i (rsp_entry),
      .in_ready_o (unused_room),
      .in_data_i  (rsp_data_i),
      .out_valid_o(entry_valid),
      .out_ready_i(entry_taken),
      .out_data_o (entry),
      .count_o    (entries)
  );

  // The last answer is there, and what came with it is being appended.
  assign finished = checked && awaited_q == '0 && (entries == '0 ||
                                                   (entries == CreditW'(1) && entry_taken));

  // ---- The reply; a full line goes out early only when there is an entry for the next one ----

  logic [EntriesW-1:0]             reply_q;
  logic [$clog2(Entries+1)-1:0]    filled_q;
  logic                            full_q;
  exalloc_pkg::completion_header_t reply_head;
  exalloc_pkg::lookaside_state_t   reply_state;

  assign entry_taken = entry_valid && (!full_q || out_ready_i);

  always_comb begin
    reply_head           = '0;
    reply_head.opcode    = head_q.opcode;
    reply_head.list      = head_q.list;
    reply_head.cookie    = head_q.cookie;
    reply_head.count     = 8'(filled_q);
    reply_state          = '0;
    if (state_q == StLast) begin
      reply_head.last    = 1'b1;
      reply_head.status  = status_q;
      if (!refused_q) begin
        reply_state.depth    = 16'(depth_q);
        reply_state.held     = 16'(held_q);
        reply_state.reserved = 16'(reserved_q);
        reply_state.granted  = 16'(granted_q);
      end
    end
  end

  assign out_valid_o = state_q == StLast || (full_q && entry_valid);
  assign out_last_o  = state_q == StLast;
  assign out_write_o = 1'b1;
  assign out_line_o  = {reply_q, reply_state, reply_head};
  assign out_bank_o  = bank_q;

  assign err_valid_o  = state_q == StError;
  assign err_opcode_o = head_q.opcode;
  assign err_list_o   = head_q.list;
  assign err_status_o = status_q;
  assign err_token_o  = '0;

  assign hold_o       = !job_ready_o;

  assign cnt_line_o   = finished && !refused_q;
  assign cnt_popped_o = rsp_valid_i && popping && rsp_ok;
  assign cnt_pushed_o = rsp_valid_i && pushing && rsp_ok && !alone_q && !shares_q;

  always_ff @(posedge clk_i) begin
    unique case (state_q)
      StIdle: begin
        if (job_valid_i && job_ready_o) begin
          state_q <= StCheck;
        end
      end
      StCheck: state_q <= StRun;
      StRun: begin
        if (check_q != exalloc_pkg::StatusOk) begin
          state_q <= StError;
        end else if (finished) begin
          state_q <= refused_q ? StError : StLast;
        end
      end
      StError: begin
        if (err_ready_i) begin
          state_q <= StLast;
        end
      end
      StLast: begin
        if (out_ready_i) begin
          state_q <= StIdle;
        end
      end
      default: state_q <= StIdle;
    endcase
    // Idle, and nothing to be sent any more; those two are only set while it is not.
    job_ready_o <= ((state_q == StIdle && !(job_valid_i && job_ready_o)) ||
                    (state_q == StLast && out_ready_i)) && !account_q && !miss_q;
    if (rst_i) begin
      state_q     <= StIdle;
      job_ready_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    check_q <= check;
    if (job_ready_o) begin
      head_q      <= job_line_i[63:0];
      counts_q    <= job_line_i[127:64];
      entries_q   <= job_line_i[511:128];
      domain_q    <= job_domain_i;
      bank_q      <= job_bank_i;
      bad_phase_q <= job_bad_phase_i;
    end else if (sent_main && !shares_q) begin
      entries_q <= {64'd0, entries_q[EntriesW-1:64]};
    end

    if (state_q == StCheck) begin
      shares_q <= shares;
    end else if (shared) begin
      shares_q <= 1'b0;
    end
    if (state_q == StCheck && shares) begin
      left_q    <= LeftW'(1);
      awaited_q <= LeftW'(1);
      alone_q   <= 1'b0;
    end else if (state_q == StCheck || shared) begin
      left_q    <= head_q.count[LeftW-1:0];
      awaited_q <= (pushing && head_q.count == '0) ? LeftW'(1) : head_q.count[LeftW-1:0];
      alone_q   <= pushing && head_q.count == '0;
    end else begin
      if (sent_main) left_q <= left_q - 1'b1;
      if (rsp_valid_i) awaited_q <= awaited_q - 1'b1;
    end

    // A refused operation on shares must not count; the engine refuses the others' counts itself.
    if (state_q == StCheck) begin
      account_q <= check == exalloc_pkg::StatusOk && !shares;
    end else if (shared) begin
      account_q <= 1'b1;
    end else if (sent && left_q == '0) begin
      account_q <= 1'b0;
    end
    if (finished && !refused_q && head_q.call && !moved_q && !alone_q) begin
      miss_q <= 1'b1;
    end else if (sent && left_q == '0 && !account_q) begin
      miss_q <= 1'b0;
    end

    if (state_q == StCheck) begin
      status_q  <= exalloc_pkg::StatusOk;
      refused_q <= 1'b0;
      moved_q   <= 1'b0;
      granted_q <= '0;
    end else if (state_q == StRun && check_q != exalloc_pkg::StatusOk) begin
      status_q  <= check_q;
      refused_q <= 1'b1;
    end else if (rsp_valid_i) begin
      if (!rsp_ok) begin
        status_q <= rsp_status_i;
      end
      refused_q  <= rsp_refused;
      moved_q    <= moved_q || (rsp_ok && !shares_q);
      depth_q    <= rsp_depth_i;
      held_q     <= rsp_held_i;
      reserved_q <= rsp_reserved_i;
      if (shares_q) begin
        granted_q <= rsp_data_i[CountW-1:0];
      end
    end
    if (rst_i) begin
      left_q    <= '0;
      account_q <= 1'b0;
      miss_q    <= 1'b0;
    end
  end

  // A place is taken by an operation, and free again when its answer brings no entry or the entry
  // is on its way out.
  always_ff @(posedge clk_i) begin
    credit_q <= credit_q - CreditW'(sent_main) + CreditW'(entry_taken) +
                CreditW'(rsp_valid_i && !rsp_entry && !alone_q);
    if (rst_i) begin
      credit_q <= CreditW'(Queue);
    end
  end

  always_ff @(posedge clk_i) begin
    if (entry_taken) begin
      filled_q <= full_q ? ($clog2(Entries + 1))'(1) : filled_q + 1'b1;
      full_q   <= filled_q == ($clog2(Entries + 1))'(Entries - 1);
      for (int unsigned i = 0; i < Entries; i = i + 1) begin
        if (filled_q == ($clog2(Entries + 1))'(i)) begin
          reply_q[i*64 +: 64] <= entry;
        end
      end
      if (full_q) begin
        reply_q <= {{(EntriesW - 64){1'b0}}, entry};
      end
    end
    if (rst_i || (state_q == StLast && out_ready_i)) begin
      filled_q <= '0;
      full_q   <= 1'b0;
      reply_q  <= '0;
    end
  end

  logic unused;
  assign unused = &{1'b0, unused_room};

endmodule

`default_nettype wire
